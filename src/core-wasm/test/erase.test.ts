/** Fields that are erased, and tombstones that are found: for the core and the reference implementation. */
import { test } from 'tap';
import { FieldsCore } from '../lib/index.js';
import { ReferenceFields } from '../reference/index.js';
import { removal, write } from './support/writes.js';

const stores = { core: () => new FieldsCore(), reference: () => new ReferenceFields() };

for (const [name, make] of Object.entries(stores)) {
  void test(`${name}: an erased field is as one that was never written`, (t) => {
    const store = make();
    const handle = store.open();
    for (const path of ['a', 'b', 'c']) store.set(handle, write(path, { timestamp: 9, clientId: path }));
    store.set(handle, removal('gone', { timestamp: 9 }));
    t.equal(store.erase(handle, 'a'), true);
    t.equal(store.erase(handle, 'a'), false);
    t.equal(store.erase(handle, 'never'), false);
    t.equal(store.erase(handle, 'gone'), true);
    t.equal(store.get(handle, 'a'), undefined);
    t.same([store.fieldCount(handle), store.liveCount(handle)], [2, 2]);
    t.same(
      store
        .writers(handle)
        .map(({ clientId }) => clientId)
        .sort(),
      ['b', 'c'],
    );
    t.equal(store.set(handle, write('a', { timestamp: 1, value: '2' })), true, 'an older write wins');
    t.equal(store.set(handle, write('gone', { timestamp: 1 })), true);
    t.equal(Buffer.from(store.state(handle)).toString(), '{"b":1,"c":1,"a":2,"gone":1}', 'and stands at the end');
    t.end();
  });

  void test(`${name}: tombstones are found by their stamps`, (t) => {
    const store = make();
    const handle = store.open();
    for (let stamp = 1; stamp <= 2_000; stamp++) {
      store.set(handle, stamp % 2 === 0 ? removal(`f${stamp}`, { stamp }) : write(`f${stamp}`, { stamp }));
    }
    t.same(
      store.tombstoneStamps(handle),
      Array.from({ length: 1_000 }, (_, i) => 2 * (i + 1)),
    );
    const old = store.tombstonesUpTo(handle, 1_401);
    t.equal(old.length, 700);
    t.same(old[0], removal('f2', { stamp: 2 }));
    for (const { path } of old) store.erase(handle, path);
    t.equal(store.tombstoneStamps(handle).length, 300);
    t.equal(store.fieldCount(handle), 1_300);
    t.equal(store.get(handle, 'f1999')?.stamp, 1_999);
    t.end();
  });

  void test(`${name}: tombstones are told from the rest of the memory`, (t) => {
    const store = make();
    const handle = store.open();
    t.equal(store.tombstoneBytes(handle), 0);
    for (let i = 0; i < 1_000; i++) store.set(handle, write(`field number ${i}`));
    t.equal(store.tombstoneBytes(handle), 0);
    const live = store.byteSize(handle);
    for (let i = 0; i < 9_000; i++) store.set(handle, removal(`${'x'.repeat(1_000)} ${i}`));
    const dead = store.tombstoneBytes(handle);
    t.ok(dead > 9_000 * 1_000);
    const left = store.liveBytes(handle);
    t.ok(Math.abs(left - live) < live, `${left} bytes, ${live} before`);
    for (const { path } of store.tombstonesUpTo(handle, Infinity)) store.erase(handle, path);
    t.equal(store.tombstoneBytes(handle), 0);
    t.ok(Math.abs(store.liveBytes(handle) - live) < live / 2, `${store.liveBytes(handle)} bytes, ${live} before`);
    t.end();
  });
}

void test('core: fields that come, go and are erased leak nothing', (t) => {
  const core = new FieldsCore();
  const handle = core.open();
  core.set(handle, write('stays'));
  let most = 0;
  for (let i = 0; i < 100_000; i++) {
    core.set(handle, removal(`item ${i}`, { timestamp: i, clientId: `client ${i}` }));
    if (i >= 100) core.erase(handle, `item ${i - 100}`);
    if (i === 1_000) most = core.memoryBytes;
  }
  t.equal(core.memoryBytes, most);
  t.same([core.fieldCount(handle), core.liveCount(handle)], [101, 1]);
  for (let i = 99_900; i < 100_000; i++) core.erase(handle, `item ${i}`);
  core.erase(handle, 'stays');
  t.same(core.writers(handle), []);
  t.ok(core.byteSize(handle) < 20_000, `${core.byteSize(handle)} bytes`);
  core.close(handle);
  t.end();
});
