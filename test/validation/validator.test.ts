/** What the answers of the application about a write come to. */
import pino from 'pino';
import { test, type Test } from 'tap';
import { Validator, type ValidationVerdict } from '../../src/validation/remote/validator.js';
import { ApplicationServer } from '../support/nodes/application-server.js';

async function start(t: Test, whenAway: 'refuse' | 'allow'): Promise<[ApplicationServer<object>, Validator]> {
  const app = await new ApplicationServer<object>().start();
  const validator = new Validator({
    ...{ url: app.url, secret: app.secret, prefixes: [''], whenAway },
    ...{ timeoutMs: 60_000, maxCalls: 4, maxWaiting: 4, maxValueDepth: 10 },
    log: pino({ level: 'silent' }),
    onChecked: () => undefined,
  });
  t.teardown(async () => {
    await validator.close();
    await app.stop();
  });
  return [app, validator];
}

function check(validator: Validator): Promise<ValidationVerdict> {
  const payload = Buffer.from(JSON.stringify({ field: 'value' }));
  return validator.check({ documentId: 'd', userId: 'u', address: '::1', kind: 'patch', form: 'binary', payload });
}

/** More than open the circuit. */
const MANY = 10;

test('writes that the application can not judge do not stop those of others', async (t) => {
  const [app, validator] = await start(t, 'refuse');
  app.decide = () => ({ status: 400, text: 'what is that?' });
  for (let i = 0; i < MANY; i++) t.strictSame(await check(validator), { kind: 'unknown' });
  t.equal(validator.isPaused, false);
  app.decide = () => ({ status: 429, text: 'later' });
  for (let i = 0; i < MANY; i++) t.strictSame(await check(validator), { kind: 'unknown' });
  t.equal(validator.isPaused, true, 'one that has too much to do is left alone');
});

test('a write that is too large for the application is not allowed in the absence of an answer', async (t) => {
  const [app, validator] = await start(t, 'allow');
  app.decide = () => ({ status: 413, text: 'too large' });
  for (let i = 0; i < MANY; i++) {
    const reason = 'it is larger than the application takes';
    t.strictSame(await check(validator), { kind: 'forbidden', reason });
  }
  t.equal(validator.isPaused, false);
});
