/** The memory of a text depends on what it holds, not on what was ever merged into it. */
import { test } from 'tap';
import { CoreInstance } from '../../lib/core-instance.js';
import { CoreAbort, FieldsCore, TextCore } from '../../lib/index.js';
import { ReferenceText } from '../../reference/index.js';
import { Random } from '../support/random.js';
import { randomStates } from '../support/replica.js';
import { decoded, encoded, escaped, stateOf, type ShortBlock } from '../support/text.js';
import { write } from '../support/writes.js';

function typed(count: number): ShortBlock[] {
  return Array.from({ length: count }, (_, index) => {
    return { author: 'alice', clock: index + 1, text: 'x', left: index > 0 ? ['alice', index] : undefined };
  });
}

void test('10 000 merges into one text', (t) => {
  const core = new TextCore();
  const handle = core.open();
  const blocks = typed(200);
  const state = encoded(stateOf(blocks));
  core.merge(handle, state, false);
  const size = core.byteSize(handle);
  for (let turn = 0; turn < 1000; turn++) core.merge(handle, state, false);
  const settled = core.memoryBytes;
  const content = encoded(escaped(stateOf(blocks)));
  for (let turn = 0; turn < 10_000; turn++) core.merge(handle, content, true);
  t.equal(core.byteSize(handle), size);
  t.ok(core.memoryBytes <= settled * 2, `${core.memoryBytes} bytes, ${settled} after 1000`);
  t.equal(core.version(handle), 1);
  t.end();
});

void test('a text that grows by a keystroke 5000 times', (t) => {
  const core = new TextCore();
  const handle = core.open();
  for (let count = 500; count <= 5000; count += 500) core.merge(handle, encoded(stateOf(typed(count))), false);
  for (let clock = 5001; clock <= 10_000; clock++) {
    const one: ShortBlock = { author: 'alice', clock, text: 'x', left: ['alice', clock - 1] };
    core.merge(handle, encoded(stateOf([one])), false);
  }
  t.equal(core.length(handle), 10_000);
  const each = core.byteSize(handle) / 10_000;
  t.ok(each > 64 && each < 100, `${each} bytes a block`);
  t.end();
});

void test('clusters that are replaced again and again leak nothing', (t) => {
  const core = new TextCore();
  const handle = core.open();
  // More clusters than the clock allows for are one, and each text and each origin is greater than the one before.
  for (let turn = 0; turn < 10_000; turn++) {
    const number = String(turn).padStart(6, '0');
    const block: ShortBlock = { author: 'a', clock: 1, text: number + 'x'.repeat(1000), left: [`n${number}`, 1] };
    core.merge(handle, encoded(stateOf([block])), false);
  }
  t.equal(core.blockCount(handle), 1);
  t.ok(core.byteSize(handle) < 64 * 1024, `${core.byteSize(handle)} bytes`);
  t.match(core.text(handle), /^009999x/);
  t.end();
});

void test('texts that are opened and closed reuse the memory of those before', (t) => {
  const core = new TextCore({ hashSeed: 1 });
  const random = new Random(5);
  const states = randomStates(random, 4, 60).map(encoded);
  const keep = core.open();
  core.merge(keep, encoded(stateOf(typed(10))), false);
  const round = () => {
    const handles = Array.from({ length: 20 }, () => core.open());
    for (const state of states) core.merge(random.pick(handles), state, false);
    for (const handle of random.shuffle(handles)) {
      core.text(handle);
      core.state(handle, true);
      core.close(handle);
    }
  };
  for (let turn = 0; turn < 20; turn++) round();
  const settled = core.memoryBytes;
  for (let turn = 0; turn < 200; turn++) round();
  t.equal(core.memoryBytes, settled);
  t.equal(core.text(keep), 'x'.repeat(10));
  t.end();
});

void test('a large state leaves its memory to the next one', (t) => {
  const core = new TextCore();
  const state = encoded(escaped(stateOf(typed(30_000))));
  const handle = core.open();
  core.merge(handle, state, true);
  core.state(handle, true);
  const once = core.memoryBytes;
  for (let turn = 0; turn < 20; turn++) {
    core.merge(handle, state, true);
    core.state(handle, true);
    core.close(core.open());
  }
  t.ok(core.memoryBytes <= once * 2, `${core.memoryBytes} bytes, ${once} after the first`);
  t.end();
});

void test('what byteSize counts is what the memory holds', (t) => {
  const core = new TextCore();
  const before = core.memoryBytes;
  const state = encoded(stateOf(typed(1000)));
  const handles = Array.from({ length: 100 }, () => {
    const handle = core.open();
    core.merge(handle, state, false);
    return handle;
  });
  const counted = handles.reduce((sum, handle) => sum + core.byteSize(handle), 0);
  const grown = core.memoryBytes - before;
  t.ok(counted < core.memoryBytes && counted > grown / 2.5, `${counted} counted, ${grown} grown`);
  t.end();
});

void test('full memory aborts, and so does every later call', (t) => {
  const core = new TextCore({ maximumPages: 16 });
  const [handle, other] = [core.open(), core.open()];
  t.throws(() => core.merge(handle, encoded(stateOf(typed(20_000))), false), CoreAbort);
  const calls = {
    open: () => core.open(),
    close: () => {
      core.close(handle);
    },
    merge: () => core.merge(other, encoded(stateOf([])), false),
    state: () => core.state(other, false),
    apply: () => core.apply(other, []),
    text: () => core.text(other),
    version: () => core.version(other),
  };
  for (const [name, call] of Object.entries(calls)) t.throws(call, CoreAbort, name);
  t.end();
});

void test('handles', (t) => {
  const core = new TextCore();
  const handle = core.open();
  t.same([core.version(handle), core.clock(handle), core.blockCount(handle), core.length(handle)], [0, 0, 0, 0]);
  t.equal(core.text(handle), '');
  t.equal(decoded(core.state(handle, false)), '{"blocks":[],"clock":{"value":0},"client_id":""}');
  core.close(handle);
  for (const closed of [handle, 0, -1, 99]) {
    t.throws(() => core.text(closed), RangeError);
    t.throws(() => core.merge(closed, encoded(stateOf([])), false), RangeError);
    t.throws(() => {
      core.close(closed);
    }, RangeError);
  }
  t.ok(core.open() > handle);
  t.end();
});

void test('an instance that is shared with fields, with memory above 2 GiB', (t) => {
  const instance = new CoreInstance({});
  // These blocks are never written, so the system backs them with no pages.
  for (let block = 0; block < 3; block++) instance.run((exports) => exports.allocate(2 ** 30 - 64));
  const core = new TextCore({}, instance);
  const fields = new FieldsCore({}, instance);
  const reference = new ReferenceText();
  const [mine, theirs, document] = [core.open(), reference.open(), fields.open()];
  for (const [index, state] of randomStates(new Random(3), 3, 60).entries()) {
    fields.set(document, write(`field ${index}`, { value: JSON.stringify(state) }));
    t.same(core.merge(mine, encoded(state), false), reference.merge(theirs, encoded(state), false));
  }
  t.ok(core.memoryBytes > 3 * 2 ** 30);
  t.equal(core.text(mine), reference.text(theirs));
  t.equal(decoded(core.state(mine, true)), decoded(reference.state(theirs, true)));
  t.equal(core.apply(core.open(), [core.changesSince(mine, 0)]).changed, true);
  t.end();
});
