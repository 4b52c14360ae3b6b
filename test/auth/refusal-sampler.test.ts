/** Audit lines about refused credentials: a few for each address, and a bound for all. */
import { pino } from 'pino';
import { test } from 'tap';
import { AuditLog } from '../../src/auth/audit.js';
import { RefusalSampler } from '../../src/auth/refusal-sampler.js';

test('an address gets its lines each second, and the next line says how many were left out', (t) => {
  let skipped = 0;
  const sampler = new RefusalSampler(3, () => skipped++);
  const take = (address: string, times: number, now: number): (number | undefined)[] =>
    Array.from({ length: times }, () => sampler.take(address, now));
  t.same(take('a', 5, 10_000), [0, 0, 0, undefined, undefined]);
  t.same(take('b', 1, 10_500), [2]);
  t.same(take('a', 1, 10_999), [undefined]);
  t.same(take('a', 1, 11_000), [1]);
  t.equal(skipped, 3);
  t.end();
});

test('all addresses together have a bound, also when each sends one', (t) => {
  let skipped = 0;
  const sampler = new RefusalSampler(3, () => skipped++);
  const written = Array.from({ length: 1_000 }, (_, i) => sampler.take(`address ${i}`, 5)).filter(
    (lines) => lines !== undefined,
  );
  t.equal(written.length, 60);
  t.equal(skipped, 940);
  t.end();
});

test('only what strangers can cause is left out', (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  const audit = new AuditLog(log, undefined, new RefusalSampler(2, () => undefined));
  const refusals = ['credentials_refused', 'sign_in_refused', 'admin_refused'] as const;
  for (const event of refusals) for (let i = 0; i < 5; i++) audit.write(event, { address: '192.0.2.1' });
  for (let i = 0; i < 5; i++) audit.write('sign_in', { address: '192.0.2.1' });
  audit.write('credentials_refused', { address: '192.0.2.2' });
  const of = (event: string): number => lines.filter((line) => line['event'] === event).length;
  // A second may end in between.
  const refused = lines.filter(({ event, address }) => event !== 'sign_in' && address === '192.0.2.1');
  t.ok(refused.length >= 2 && refused.length <= 4, `${refused.length} of 15`);
  t.equal(of('sign_in'), 5);
  t.ok(lines.every(({ audit: isAudit }) => isAudit === true));
  t.ok(Number(lines.at(-1)?.['skipped']) > 0);
  t.end();
});
