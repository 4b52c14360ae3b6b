/** An instance that trapped or aborted is never used again; a new one is not affected. */
import { test } from 'tap';
import { CoreAbort, FieldsCore } from '../lib/index.js';
import { CoreInstance } from '../lib/core-instance.js';
import { write } from './support/writes.js';

/** Writes until the memory is full; returns what was thrown. */
function exhaust(core: FieldsCore, handle: number): unknown {
  const value = JSON.stringify('x'.repeat(1000));
  try {
    for (let index = 0; ; index++) core.set(handle, write(`field ${index}`, { value }));
  } catch (error) {
    return error;
  }
}

void test('full memory aborts, and so does every later call', (t) => {
  const core = new FieldsCore({ maximumPages: 16 });
  const handle = core.open();
  const other = core.open();
  const abort = exhaust(core, handle);
  t.ok(abort instanceof CoreAbort);
  t.match(abort, { name: 'CoreAbort', message: 'the core trapped: RuntimeError: unreachable' });
  const calls = {
    open: () => core.open(),
    close: () => {
      core.close(handle);
    },
    set: () => core.set(handle, write('f')),
    get: () => core.get(handle, 'field 1'),
    state: () => core.state(other),
    writers: () => core.writers(other),
    changesSince: () => core.changesSince(other, new Map([['alice', 1]])),
    fieldCount: () => core.fieldCount(other),
    liveCount: () => core.liveCount(other),
    byteSize: () => core.byteSize(other),
    'an unknown handle': () => core.get(12_345, 'f'),
  };
  for (const [name, call] of Object.entries(calls)) t.throws(call, CoreAbort, name);
  t.ok(core.memoryBytes <= 16 * 65_536, 'its size may still be asked');
  t.end();
});

void test('an abort while a state is written, or a large text is written', (t) => {
  for (const text of [1000, 300_000]) {
    const core = new FieldsCore({ maximumPages: 16 });
    const handle = core.open();
    core.set(handle, write('f', { value: JSON.stringify('x'.repeat(text)) }));
    t.throws(() => {
      for (let index = 0; ; index++) {
        core.set(handle, write(`field ${index}`, { value: JSON.stringify('x'.repeat(text)) }));
        core.state(handle);
      }
    }, CoreAbort);
    t.throws(() => core.state(handle), CoreAbort);
  }
  t.end();
});

void test('a new instance takes over', (t) => {
  const core = new FieldsCore({ maximumPages: 16 });
  exhaust(core, core.open());
  const next = new FieldsCore({ maximumPages: 16 });
  const handle = next.open();
  t.equal(next.set(handle, write('f')), true);
  t.equal(next.get(handle, 'f')?.value, '1');
  t.end();
});

void test("the runtime's own abort has its reason in the message", (t) => {
  const core = new CoreInstance({});
  t.throws(() => core.run((exports) => exports.allocate(2 ** 30 + 1)), {
    name: 'CoreAbort',
    message: /^allocation too large \(~lib\/rt\/tlsf\.ts:\d+:\d+\)$/i,
  });
  t.throws(() => core.run((exports) => exports.allocate(8)), CoreAbort);
  t.end();
});

void test('options out of range are refused', (t) => {
  for (const hashSeed of [-1, 1.5, NaN, 2 ** 53]) t.throws(() => new FieldsCore({ hashSeed }), RangeError);
  for (const maximumPages of [-1, 3, 4.5, NaN, 65_537]) t.throws(() => new FieldsCore({ maximumPages }), RangeError);
  t.end();
});
