import { test } from 'tap';
import { Cadence } from '../src/cadence.js';
import { until } from './support/nodes/server.js';

/** An interval that does not end while a test runs. */
const ENDLESS = 100_000_000;

test('it is open after a pause, and closed until the interval ends', (t) => {
  let calls = 0;
  const cadence = new Cadence(5, () => calls++);
  t.equal(cadence.isOpen(), true);
  t.equal(cadence.isOpen(), true, 'asking begins nothing');
  cadence.begin();
  const end = performance.now() + 5;
  while (performance.now() < end);
  t.equal(cadence.isOpen(), true, 'nobody asked meanwhile');
  t.equal(calls, 0);
  t.end();
});

test('whoever asks in vain is called once when it opens', async (t) => {
  const opened: boolean[] = [];
  const cadence: Cadence = new Cadence(300, () => opened.push(cadence.isOpen()));
  cadence.begin();
  t.strictSame([cadence.isOpen(), cadence.isOpen()], [false, false]);
  await until('the action', () => opened.length > 0);
  t.strictSame(opened, [true]);
  cadence.begin();
  t.equal(cadence.isOpen(), false, 'the next interval');
  cadence.skip();
});

test('an interval can be skipped, and then nobody is called', async (t) => {
  let calls = 0;
  const cadence = new Cadence(200, () => calls++);
  const other = new Cadence(200, () => calls++);
  for (const each of [cadence, other]) {
    each.begin();
    each.isOpen();
  }
  cadence.skip();
  t.equal(cadence.isOpen(), true);
  await until('the other action', () => calls > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(calls, 1);
});

test('without an interval it is always open', (t) => {
  const cadence = new Cadence(0, () => t.fail('nobody waits'));
  for (let i = 0; i < 3; i++) {
    t.equal(cadence.isOpen(), true);
    cadence.begin();
  }
  const endless = new Cadence(ENDLESS, () => t.fail('nobody waits'));
  endless.begin();
  t.equal(endless.isOpen(), false);
  endless.skip();
  t.end();
});
