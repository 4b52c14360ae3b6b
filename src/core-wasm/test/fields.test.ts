/** The contract of `FieldsStore`, for the core and the reference implementation. */
import { test } from 'tap';
import { FieldsCore, type FieldWrite } from '../lib/index.js';
import { ReferenceFields } from '../reference/index.js';
import { byClient, removal, write } from './support/writes.js';

const stores = { core: () => new FieldsCore(), reference: () => new ReferenceFields() };

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

for (const [name, make] of Object.entries(stores)) {
  void test(`${name}: the order is timestamp, counter, client id, value`, (t) => {
    const ascending: Partial<FieldWrite>[] = [
      { timestamp: 1, counter: 9, clientId: 'z', value: '9' },
      { timestamp: 2, counter: 1, clientId: 'z', value: '9' },
      { timestamp: 2, counter: 2, clientId: 'client-1', value: '9' },
      { timestamp: 2, counter: 2, clientId: 'client-10', value: '10' },
      { timestamp: 2, counter: 2, clientId: 'client-10', value: '9' },
      { timestamp: 2, counter: 2, clientId: 'client-10', value: '9 ' },
      { timestamp: 2, counter: 2, clientId: '～', value: '""' },
      { timestamp: 2, counter: 2, clientId: '😀', value: '"～"' },
      { timestamp: 2, counter: 2, clientId: '😀', value: '"😀"' },
      { timestamp: 2, counter: 2.5, clientId: '', value: '' },
    ];
    const store = make();
    ascending.forEach((greater, index) => {
      for (const less of ascending.slice(0, index)) {
        const handle = store.open();
        t.equal(store.set(handle, write('f', less)), true);
        t.equal(store.set(handle, write('f', greater)), true);
        t.equal(store.set(handle, write('f', greater)), false, 'equal');
        t.equal(store.set(handle, write('f', less)), false, 'less');
        t.same(store.get(handle, 'f'), write('f', greater));
      }
    });
    t.end();
  });

  void test(`${name}: the stamp is kept and is not part of the order`, (t) => {
    const store = make();
    const handle = store.open();
    store.set(handle, write('f', { timestamp: 2, stamp: 5 }));
    t.equal(store.set(handle, write('f', { timestamp: 1, stamp: 9 })), false);
    t.equal(store.set(handle, write('f', { timestamp: 2, stamp: 9 })), false);
    t.equal(store.get(handle, 'f')?.stamp, 5);
    t.equal(store.set(handle, write('f', { timestamp: 3, stamp: 2 })), true);
    t.equal(store.get(handle, 'f')?.stamp, 2);
    t.equal(store.stampOf(handle, 'f'), 2);
    t.equal(store.stampOf(handle, 'none'), undefined);
    t.end();
  });

  void test(`${name}: what replaces a write may be less, and of another writer`, (t) => {
    const store = make();
    const handle = store.open();
    store.set(handle, write('f', { timestamp: 9, clientId: 'bob', value: '"a long value"' }));
    store.replace(handle, write('f', { timestamp: 2, stamp: 7, value: '3' }));
    t.same(store.get(handle, 'f'), write('f', { timestamp: 2, stamp: 7, value: '3' }));
    t.equal(text(store.state(handle)), '{"f":3}');
    t.same(store.writers(handle), [{ clientId: 'alice', stamp: 7 }]);
    t.equal(store.set(handle, write('f', { timestamp: 1 })), false, 'the order goes on from it');
    store.replace(handle, removal('f', { timestamp: 0, counter: 0 }));
    t.same([store.fieldCount(handle), store.liveCount(handle)], [1, 0]);
    t.equal(store.set(handle, write('f', { timestamp: 1 })), true);
    store.replace(handle, write('new'));
    t.equal(text(store.state(handle)), '{"f":1,"new":1}');
    t.end();
  });

  void test(`${name}: a removal leaves a tombstone that older writes don't pass`, (t) => {
    const store = make();
    const handle = store.open();
    store.set(handle, write('f', { timestamp: 1 }));
    t.equal(store.set(handle, removal('f', { timestamp: 3 })), true);
    t.equal(store.set(handle, write('f', { timestamp: 2 })), false);
    t.same([store.fieldCount(handle), store.liveCount(handle)], [1, 0]);
    t.same(store.get(handle, 'f'), removal('f', { timestamp: 3 }));
    t.equal(text(store.state(handle)), '{}');
    t.equal(store.set(handle, write('f', { timestamp: 4 })), true);
    t.equal(text(store.state(handle)), '{"f":1}');
    t.end();
  });

  void test(`${name}: a field that is first seen removed counts as a tombstone`, (t) => {
    const store = make();
    const handle = store.open();
    t.equal(store.set(handle, removal('f')), true);
    t.same([store.fieldCount(handle), store.liveCount(handle)], [1, 0]);
    t.equal(store.set(handle, removal('f', { timestamp: 2 })), true);
    t.same([store.fieldCount(handle), store.liveCount(handle)], [1, 0]);
    t.end();
  });

  void test(`${name}: state has the live fields in the order of their first write, keys escaped`, (t) => {
    const store = make();
    const handle = store.open();
    const units = Array.from({ length: 0x3000 }, (_, unit) => String.fromCharCode(unit));
    const paths = ['z', '10', '9', '__proto__', '', '"\\', '\ufeff', '😀', ...units, units.join('')];
    t.equal(text(store.state(handle)), '{}');
    for (const path of paths) store.set(handle, write(path, { value: JSON.stringify(path) }));
    store.set(handle, removal('z', { timestamp: 2 }));
    store.set(handle, write('z', { timestamp: 3, value: '"z"' }));
    const distinct = [...new Set(paths)];
    t.equal(
      text(store.state(handle)),
      `{${distinct.map((path) => `${JSON.stringify(path)}:${JSON.stringify(path)}`).join()}}`,
    );
    t.end();
  });

  void test(`${name}: state is a copy in a buffer of its own`, (t) => {
    const store = make();
    const handle = store.open();
    store.set(handle, write('f', { value: '"before"' }));
    const state = store.state(handle);
    t.equal(state.buffer.byteLength, state.length);
    store.set(handle, write('f', { value: '"after!"', timestamp: 2 }));
    store.close(handle);
    t.equal(text(state), '{"f":"before"}');
    t.end();
  });

  void test(`${name}: writers are those who hold the last write of a field, tombstones included`, (t) => {
    const store = make();
    const handle = store.open();
    t.same(store.writers(handle), []);
    store.set(handle, write('a', { clientId: 'alice', stamp: 9 }));
    store.set(handle, write('b', { clientId: 'alice', stamp: 4 }));
    store.set(handle, removal('c', { clientId: 'bob', stamp: 7 }));
    t.same(byClient(store.writers(handle)), [
      { clientId: 'alice', stamp: 9 },
      { clientId: 'bob', stamp: 7 },
    ]);
    store.set(handle, write('a', { clientId: 'bob', stamp: 10, timestamp: 2 }));
    t.same(byClient(store.writers(handle)), [
      { clientId: 'alice', stamp: 4 },
      { clientId: 'bob', stamp: 10 },
    ]);
    store.set(handle, write('b', { clientId: 'carol', stamp: 11, timestamp: 2 }));
    t.same(byClient(store.writers(handle)), [
      { clientId: 'bob', stamp: 10 },
      { clientId: 'carol', stamp: 11 },
    ]);
    t.end();
  });

  void test(`${name}: changesSince gives what lies above the vector's entry for its writer`, (t) => {
    const store = make();
    const handle = store.open();
    const fields = [
      write('a', { clientId: 'alice', stamp: 5 }),
      removal('b', { clientId: 'alice', stamp: 6 }),
      write('c', { clientId: 'bob', stamp: 5 }),
      write('d', { clientId: 'bob', stamp: 0 }),
    ];
    for (const field of fields) store.set(handle, field);
    const since = (...vector: [string, number][]) =>
      store.changesSince(handle, new Map(vector)).map(({ path }) => path);
    t.same(since(), ['a', 'b', 'c']);
    t.same(since(['alice', 5]), ['b', 'c']);
    t.same(since(['alice', 6], ['bob', 4], ['unknown', 100]), ['c']);
    t.same(since(['alice', 6], ['bob', 5]), []);
    t.same(since(['alice', 6], ['bob', -1]), ['c', 'd']);
    t.same(since(['bob', Infinity], ['alice', NaN]), []);
    t.same(store.changesSince(handle, new Map([['bob', 5]])), fields.slice(0, 2));
    t.end();
  });

  void test(`${name}: a write that isn't a place in the order changes nothing`, (t) => {
    const store = make();
    const handle = store.open();
    for (const key of ['timestamp', 'counter', 'stamp'] as const) {
      for (const number of [NaN, Infinity, -Infinity]) {
        t.throws(() => store.set(handle, write('f', { [key]: number })), RangeError);
      }
    }
    t.equal(store.fieldCount(handle), 0);
    t.end();
  });

  void test(`${name}: handles are positive, never used again, and checked`, (t) => {
    const store = make();
    const first = store.open();
    t.ok(Number.isInteger(first) && first > 0);
    store.close(first);
    const second = store.open();
    t.not(second, first);
    const unknown = { name: 'RangeError', message: `no document is open under handle ${first}` };
    t.throws(() => store.set(first, write('f')), unknown);
    t.throws(() => store.get(first, 'f'), unknown);
    t.throws(() => store.state(first), unknown);
    t.throws(() => store.writers(first), unknown);
    t.throws(() => store.changesSince(first, new Map()), unknown);
    t.throws(() => store.fieldCount(first), unknown);
    t.throws(() => store.liveCount(first), unknown);
    t.throws(() => store.byteSize(first), unknown);
    t.throws(() => {
      store.close(first);
    }, unknown);
    t.throws(() => store.get(0, 'f'), RangeError);
    t.equal(store.fieldCount(second), 0);
    t.end();
  });

  void test(`${name}: documents don't see each other`, (t) => {
    const store = make();
    const [one, two] = [store.open(), store.open()];
    store.set(one, write('f', { value: '"one"' }));
    t.equal(store.get(two, 'f'), undefined);
    store.set(two, write('f', { value: '"two"' }));
    store.close(one);
    t.equal(text(store.state(two)), '{"f":"two"}');
    t.end();
  });

  void test(`${name}: what a caller does to a write afterwards doesn't matter`, (t) => {
    const store = make();
    const handle = store.open();
    const mine = write('f');
    store.set(handle, mine);
    mine.value = '2';
    const theirs = store.get(handle, 'f');
    t.equal(theirs?.value, '1');
    if (theirs !== undefined) theirs.value = '3';
    t.equal(store.get(handle, 'f')?.value, '1');
    t.end();
  });

  void test(`${name}: texts of any length, ASCII or not, as path, client id, value and vector entry`, (t) => {
    const store = make();
    for (const letter of ['x', 'é', '～', '😀']) {
      for (const length of [1, 7, 8, 15, 16, 17, 31, 32, 33, 64, 191, 192, 193, 7000, 21_845, 21_846, 300_000]) {
        const handle = store.open();
        const long = letter.repeat(length);
        const field = write(long, { value: JSON.stringify(long), clientId: `${long}!` });
        t.equal(store.set(handle, field), true);
        t.equal(store.set(handle, field), false);
        t.same(store.get(handle, long), field);
        t.equal(store.get(handle, `${long}x`), undefined);
        t.same(store.changesSince(handle, new Map([[`${long}!`, 1]])), []);
        t.same(store.changesSince(handle, new Map([[long, 1]])), [field]);
        t.equal(text(store.state(handle)), JSON.stringify({ [long]: long }));
        store.close(handle);
      }
    }
    t.end();
  });

  void test(`${name}: thousands of fields and writers come out whole`, (t) => {
    const store = make();
    const handle = store.open();
    const amount = 5000;
    const fields = Array.from({ length: amount }, (_, index) =>
      write(`path ${index}`, { clientId: `client ${index}`, stamp: index + 1 }),
    );
    for (const field of fields) store.set(handle, field);
    t.same(store.changesSince(handle, new Map()), fields);
    const expected = fields.map(({ clientId, stamp }) => ({ clientId, stamp }));
    t.same(byClient(store.writers(handle)), byClient(expected));
    t.end();
  });
}
