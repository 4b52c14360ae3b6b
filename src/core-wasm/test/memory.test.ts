/** Memory grows as needed, and the memory of a closed document is used again. */
import { test } from 'tap';
import { CoreInstance } from '../lib/core-instance.js';
import { FieldsCore } from '../lib/index.js';
import { ReferenceFields } from '../reference/index.js';
import { Random } from './support/random.js';
import { contents, randomVector, randomWrite, removal, write } from './support/writes.js';

function fill(core: FieldsCore, fields: number, value = '"some value of forty bytes, quotes included"'): number {
  const handle = core.open();
  for (let index = 0; index < fields; index++)
    core.set(handle, write(`field number ${index}`, { value, stamp: index }));
  return handle;
}

void test('a document of 100 000 fields', (t) => {
  const core = new FieldsCore();
  const handle = fill(core, 100_000);
  t.equal(core.fieldCount(handle), 100_000);
  t.equal(core.get(handle, 'field number 99999')?.stamp, 99_999);
  t.equal(core.get(handle, 'field number 100000'), undefined);
  t.equal(Object.keys(JSON.parse(Buffer.from(core.state(handle)).toString()) as object).length, 100_000);
  t.equal(core.changesSince(handle, new Map([['alice', 99_989]])).length, 10);
  // A field takes 56 bytes, at least 10.7 of the table, and its path and value; either block may be half empty.
  const size = core.byteSize(handle) / 100_000;
  t.ok(size > 56 + 10.7 + 60 && size < 200, `${size} bytes a field`);
  t.end();
});

void test('documents that are opened and closed reuse the memory of those before', (t) => {
  const core = new FieldsCore({ hashSeed: 1 });
  const random = new Random(7);
  const keep = fill(core, 100);
  const round = () => {
    const handles = Array.from({ length: 50 }, () => fill(core, 30));
    for (let index = 0; index < 500; index++) core.set(random.pick(handles), randomWrite(random));
    for (const handle of random.shuffle(handles)) core.close(handle);
  };
  for (let turn = 0; turn < 10; turn++) round();
  const settled = core.memoryBytes;
  for (let turn = 0; turn < 200; turn++) round();
  t.equal(core.memoryBytes, settled, 'no larger after 10 500 documents than after 500');
  t.equal(core.fieldCount(keep), 100);
  t.end();
});

void test('a large document leaves all its memory to the next one', (t) => {
  const core = new FieldsCore();
  core.close(fill(core, 50_000));
  const once = core.memoryBytes;
  for (let turn = 0; turn < 10; turn++) {
    const handle = fill(core, 50_000);
    core.state(handle);
    core.close(handle);
  }
  // Only a state of its own size is new.
  t.ok(core.memoryBytes <= once * 2, `${core.memoryBytes} bytes after eleven, ${once} after one`);
  t.end();
});

void test('what byteSize counts is what the memory holds', (t) => {
  const core = new FieldsCore();
  const before = core.memoryBytes;
  const handles = Array.from({ length: 20 }, () => fill(core, 2000));
  const counted = handles.reduce((sum, handle) => sum + core.byteSize(handle), 0);
  const grown = core.memoryBytes - before;
  // The memory grows by doubling, so it may be up to twice what is in use.
  t.ok(counted < core.memoryBytes && counted > grown / 2.5, `${counted} counted, ${grown} grown`);
  t.end();
});

void test('byteSize does not drift when values come and go', (t) => {
  const core = new FieldsCore();
  const handle = fill(core, 100);
  let timestamp = 2;
  const overwrite = (value: string) => {
    for (let index = 0; index < 100; index++) {
      core.set(handle, write(`field number ${index}`, { value, timestamp: timestamp++ }));
    }
    return core.byteSize(handle);
  };
  const long = JSON.stringify('x'.repeat(10_000));
  const large = overwrite(long);
  const small = overwrite('1');
  t.ok(large > 100 * 10_000);
  t.ok(small < 100 * 200);
  for (let turn = 0; turn < 10; turn++) {
    t.equal(overwrite(long), large);
    t.equal(overwrite('1'), small);
  }
  t.end();
});

void test('tombstones hold no values', (t) => {
  const core = new FieldsCore();
  const handle = fill(core, 100, JSON.stringify('x'.repeat(10_000)));
  for (let index = 0; index < 100; index++) core.set(handle, removal(`field number ${index}`, { timestamp: 2 }));
  t.equal(core.liveCount(handle), 0);
  t.ok(core.byteSize(handle) < 100 * 300, `${core.byteSize(handle)} bytes`);
  t.end();
});

void test('clients that came and went leak nothing', (t) => {
  const core = new FieldsCore();
  const handle = fill(core, 10);
  const size = core.byteSize(handle);
  for (let index = 0; index < 50_000; index++) {
    const clientId = `client ${index} with a rather long name`;
    core.set(handle, write(`field number ${index % 10}`, { clientId, value: '1', timestamp: index + 2 }));
  }
  t.equal(core.writers(handle).length, 10);
  t.ok(core.byteSize(handle) < size + 8192, `${core.byteSize(handle)} bytes, ${size} before`);
  t.end();
});

void test('a text larger than the input area does not stay in memory', (t) => {
  const core = new FieldsCore();
  const handle = core.open();
  const value = JSON.stringify('é'.repeat(500_000));
  core.set(handle, write('f', { value }));
  const once = core.memoryBytes;
  for (let index = 0; index < 20; index++) {
    t.equal(core.set(handle, write('f', { value, timestamp: 2 + index })), true);
  }
  t.ok(core.memoryBytes <= once * 2, `${core.memoryBytes} bytes, ${once} after the first`);
  t.equal(core.get(handle, 'f')?.value, value);
  t.end();
});

// A past bug: with more than 2 GiB of memory after the offset, Node's encoder silently wrote nothing.
void test('documents above 2 GiB work like any other', (t) => {
  const instance = new CoreInstance({});
  // These blocks are never written, so the system backs them with no pages.
  for (let block = 0; block < 3; block++) instance.run((exports) => exports.allocate(2 ** 30 - 64));
  const core = new FieldsCore({}, instance);
  const reference = new ReferenceFields();
  const [mine, theirs] = [core.open(), reference.open()];
  const random = new Random(3);
  for (let index = 0; index < 2000; index++) {
    const field = randomWrite(random);
    core.set(mine, field);
    reference.set(theirs, field);
  }
  const large = write('large', { value: JSON.stringify('é'.repeat(100_000)) });
  core.set(mine, large);
  reference.set(theirs, large);
  t.ok(core.memoryBytes > 3 * 2 ** 30);
  t.same(contents(core, mine), contents(reference, theirs));
  const vector = randomVector(random);
  t.same(core.changesSince(mine, vector), reference.changesSince(theirs, vector));
  core.close(mine);
  t.end();
});
