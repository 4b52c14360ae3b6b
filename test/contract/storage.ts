/** What every storage adapter promises; each runs this suite (test/storage/<adapter>.test.ts). */

import t, { type Test as Tap } from 'tap';
import type { FieldRow, Storage } from '../../src/storage/port.js';
import { exactValues } from '../support/values/exact-values.js';
import { newSeed, randomFrom } from './random.js';
import { storageCommitsContract } from './storage-commits.js';
import { storageHorizonContract } from './storage-horizon.js';
import { storageLifecycleContract } from './storage-lifecycle.js';
import { storageTextContract } from './storage-text.js';
import {
  change,
  commitsOf,
  contentOf,
  documentsOf,
  expectedRows,
  onlyRow,
  randomWrites,
  row,
  rowsOf,
  sorted,
} from './storage-rows.js';

/** A new empty storage, as a suite opens it. */
export interface OpenedStorage {
  readonly storage: Storage;
  /** Closes the storage if it is open and opens what it wrote; undefined when nothing outlives it. */
  reopen(): Promise<Storage> | undefined;
  /** Closes what is open and removes every trace. */
  cleanup(): Promise<void>;
}

/** Runs the suite against new storages of one adapter. */
export function storageContract(name: string, open: () => Promise<OpenedStorage>): void {
  const test = (title: string, run: (t: Tap, storage: Storage, opened: OpenedStorage) => Promise<void>) =>
    t.test(`${name}: ${title}`, async (t) => {
      const opened = await open();
      t.teardown(() => opened.cleanup());
      await run(t, opened.storage, opened);
    });

  void test('a document that was never written is empty', async (t, storage) => {
    t.same(await storage.load(['unknown']), [{ stamp: 0, commits: 0, fields: [], text: [] }]);
    t.same(await storage.load([]), []);
  });

  void test('what was committed is loaded, tombstones included', async (t, storage) => {
    const fields = [row({ path: 'gone', value: '{"__deleted":true}', deleted: true }), row({ path: 'there' })];
    t.same((await storage.commit([change('doc', fields, 42)])).refused, []);
    const [document] = await storage.load(['doc']);
    t.equal(document!.stamp, 42);
    t.strictSame(sorted(document!.fields), fields);
  });

  void test('values come back byte for byte', async (t, storage) => {
    const values = ['null', '0.1', '1e21', '""', '"é\u{1f600}"', '{"b":[1,2],"a":{"a":1}}', '"\\ud83d\\ude00\\"\\\\"'];
    const fields = values.map((value, i) => row({ path: `path${i}`, value }));
    await storage.commit([change('doc', fields)]);
    t.same(
      (await rowsOf(storage, 'doc')).map(({ value }) => value),
      values,
    );
  });

  orderTests(test);
  nameTests(test);
  refusalTests(test);
  const parts = [storageCommitsContract, storageHorizonContract, storageTextContract, storageLifecycleContract];
  for (const part of parts) part(test);

  void test('the same commit again changes nothing', async (t, storage) => {
    const first = row({ stamp: 10 });
    await storage.commit([change('doc', [first], 10)]);
    await storage.commit([change('doc', [first], 10)]);
    await storage.commit([change('doc', [{ ...first, stamp: 11 }], 10)]);
    t.strictSame(
      await contentOf(storage, ['doc']),
      [{ stamp: 10, fields: [first], text: [] }],
      'no stamp in the order',
    );
  });

  void test('the stamp of a document never goes back', async (t, storage) => {
    const stampAfter = async (stamp: number, fields: FieldRow[]) => {
      await storage.commit([change('doc', fields, stamp)]);
      return (await storage.load(['doc']))[0]!.stamp;
    };
    t.equal(await stampAfter(5, [row()]), 5);
    t.equal(await stampAfter(3, [row({ counter: 8 })]), 5, 'with a row that wins');
    t.equal(await stampAfter(9, [row({ counter: 1 })]), 9, 'with a row that loses');
    t.equal(await stampAfter(2, []), 9, 'without rows');
    t.equal(await stampAfter(1_700_000_000_000_123, []), 1_700_000_000_000_123, 'without rows');
  });

  void test('documents are loaded in the order of their ids', async (t, storage) => {
    const ids = Array.from({ length: 500 }, (_, i) => `doc${i}`);
    await storage.commit(ids.map((id, i) => change(id, [row({ value: String(i) })], i + 1)));
    const asked = ['doc499', 'unknown', 'doc7', 'doc7', ...ids];
    t.same(
      (await storage.load(asked)).map(({ stamp, fields }) => [stamp, fields[0]?.value]),
      asked.map((id) => (id === 'unknown' ? [0, undefined] : [Number(id.slice(3)) + 1, id.slice(3)])),
    );
  });

  void test('a commit may name a document twice', async (t, storage) => {
    const [older, newer] = [row({ value: '1' }), row({ value: '2' })];
    await storage.commit([change('doc', [newer], 2), change('doc', [older, row({ path: 'other' })], 1)]);
    t.strictSame(await rowsOf(storage, 'doc'), [newer, row({ path: 'other' })]);
    t.equal((await storage.load(['doc']))[0]!.stamp, 2);
    t.same((await storage.commit([])).refused, []);
  });

  void test('a big batch and large values', async (t, storage) => {
    const fields = Array.from({ length: 10_000 }, (_, i) => row({ path: `path${i}`, value: String(i) }));
    const large = row({ value: JSON.stringify('ü\u{1f600}x'.repeat(700_000)) });
    t.same((await storage.commit([change('many', fields), change('large', [large])])).refused, []);
    t.strictSame(await rowsOf(storage, 'many'), sorted(fields));
    t.ok((await onlyRow(storage, 'large')).value === large.value);
    await storage.commit([change('large', [row({ counter: 8, value: '1' })])]);
    t.equal((await onlyRow(storage, 'large')).value, '1');
  });

  void test('commits that run at the same time', async (t, storage) => {
    const rows = Array.from({ length: 100 }, (_, i) => row({ counter: (i * 37) % 100 }));
    await Promise.all(rows.map((row, i) => storage.commit([change('doc', [row], i), change(`own${i}`, [row])])));
    t.equal((await onlyRow(storage, 'doc')).counter, 99);
    t.equal((await storage.load(['doc']))[0]!.stamp, 99);
    const own = await storage.load(rows.map((_, i) => `own${i}`));
    t.ok(own.every(({ fields }, i) => fields[0]!.counter === rows[i]!.counter));
  });

  void test('what is stored does not change with the objects that were given', async (t, storage) => {
    const given = { ...row() };
    await storage.commit([change('doc', [given])]);
    given.value = '"changed"';
    t.strictSame(await onlyRow(storage, 'doc'), row());
  });

  void test('close waits for commits; afterwards everything rejects', async (t, storage, opened) => {
    const running = Array.from({ length: 5 }, (_, i) => storage.commit([change(`doc${i}`, [row()])]));
    const loading = storage.load(['doc0']);
    await Promise.all([storage.close(), storage.close()]);
    t.same(
      (await Promise.all(running)).flatMap(({ refused }) => refused),
      [],
    );
    await loading;
    await t.rejects(storage.load(['doc0']), /closed/);
    await t.rejects(storage.commit([change('doc', [row()])]), /closed/);
    const again = await opened.reopen();
    t.equal(again !== undefined, storage.durable);
    if (again === undefined) return;
    const documents = await again.load(running.map((_, i) => `doc${i}`));
    t.ok(documents.every(({ fields }) => fields.length === 1));
  });

  const seed = newSeed();
  void test(`random commits in any sequence end in the same rows (SEED=${seed})`, async (t, storage, opened) => {
    const other = await open();
    t.teardown(() => other.cleanup());
    const random = randomFrom(seed);
    const writes = randomWrites(random, 400);
    const expected = expectedRows(writes);
    for (const commit of commitsOf(random, writes)) await storage.commit(commit);
    const shuffled = commitsOf(random, random.shuffle([...writes, ...writes.slice(0, 50)]));
    const half = shuffled.length / 2;
    for (const commit of shuffled.slice(0, half)) await other.storage.commit(commit);
    await Promise.all(shuffled.slice(half).map((commit) => other.storage.commit(commit)));
    for (const [documentId, rows] of expected) {
      t.strictSame(await rowsOf(storage, documentId), rows);
      t.strictSame(await rowsOf(other.storage, documentId), rows);
    }
    const ids = [...expected.keys()];
    const stamps = async (storage: Storage) => (await storage.load(ids)).map(({ stamp }) => stamp);
    t.same(await stamps(storage), await stamps(other.storage));
    const before = await documentsOf(storage, ids);
    const again = await opened.reopen();
    if (again !== undefined) t.strictSame(await documentsOf(again, ids), before, 'everything is there after reopening');
  });
}

/** Runs one test of a suite with a storage of its own. */
export type Test = (title: string, run: (t: Tap, storage: Storage, opened: OpenedStorage) => Promise<void>) => unknown;

function orderTests(test: Test): void {
  const levels: { level: string; smaller: Partial<FieldRow>; greater: Partial<FieldRow> }[] = [
    {
      level: 'timestamp',
      smaller: { timestamp: 1_700_000_000_000, counter: 9, clientId: 'z', value: '9' },
      greater: { timestamp: 1_700_000_000_001, counter: 1, clientId: 'a', value: '1' },
    },
    {
      level: 'counter',
      smaller: { counter: 9, clientId: 'z', value: '9' },
      greater: { counter: 10, clientId: 'a', value: '1' },
    },
    {
      level: 'client id',
      smaller: { clientId: 'client-1', value: '9' },
      greater: { clientId: 'client-10', value: '1' },
    },
    { level: 'client id by UTF-8 bytes', smaller: { clientId: '\ufb00' }, greater: { clientId: '\u{1f600}' } },
    { level: 'value', smaller: { value: '"a"' }, greater: { value: '"b"' } },
    { level: 'value by UTF-8 bytes', smaller: { value: '"x\uffff"' }, greater: { value: '"x\u{10000}"' } },
  ];
  for (const { level, ...rows } of levels) {
    test(`the greater row stays, by ${level}`, async (t, storage) => {
      const [smaller, greater] = [row(rows.smaller), row(rows.greater)];
      await storage.commit([change('up', [smaller]), change('down', [greater])]);
      await storage.commit([change('up', [greater]), change('down', [smaller])]);
      t.strictSame(await onlyRow(storage, 'up'), greater);
      t.strictSame(await onlyRow(storage, 'down'), greater);
    });
  }

  test('a field may be deleted and written again', async (t, storage) => {
    const tombstone = row({ value: '{"__deleted":true}', deleted: true, counter: 8 });
    await storage.commit([change('doc', [row()])]);
    await storage.commit([change('doc', [tombstone])]);
    t.strictSame(await onlyRow(storage, 'doc'), tombstone);
    await storage.commit([change('doc', [row()])]);
    t.strictSame(await onlyRow(storage, 'doc'), tombstone, 'an older write does not bring it back');
    await storage.commit([change('doc', [row({ counter: 9 })])]);
    t.strictSame(await onlyRow(storage, 'doc'), row({ counter: 9 }));
  });
}

function nameTests(test: Test): void {
  test('documents whose ids are alike keep apart', async (t, storage) => {
    const long = 'x'.repeat(255);
    const ids = ['a', 'a\x01', 'a:b', 'a-', 'a_', 'aa', 'A', 'a:', 'a:b:c', '0', '-', `${long}y`, `${long}z`, long];
    await storage.commit(ids.map((id) => change(id, [row({ value: JSON.stringify(id) }), row({ path: id })])));
    for (const id of ids) {
      const rows = await rowsOf(storage, id);
      t.same(rows, sorted([row({ value: JSON.stringify(id) }), row({ path: id })]), id);
    }
  });

  test('paths and client ids may be any text', async (t, storage) => {
    const texts = ['', ' ', '__proto__', 'constructor', 'toString', 'ü', '日本', '\u{1f600}', '\uffff', '\u{10ffff}'];
    const fields = [
      ...texts.map((text) => row({ path: text, clientId: text })),
      row({ path: 'p'.repeat(1024) }),
      row({ path: 'é'.repeat(512) }),
      row({ path: '\u{1f600}'.repeat(256) }),
    ];
    t.same((await storage.commit([change('x'.repeat(256), fields)])).refused, []);
    t.strictSame(await rowsOf(storage, 'x'.repeat(256)), sorted(fields));
  });

  test('VAL1 values come back byte by byte', async (t, storage) => {
    const rows = exactValues.map(([, value], i) => row({ path: `path${i}`, value }));
    t.same((await storage.commit([change('doc', rows)])).refused, []);
    t.strictSame(await rowsOf(storage, 'doc'), sorted(rows));
  });

  test('NUL is kept as it is or refused, and troubles no other row', async (t, storage) => {
    const odd = [row({ path: 'a\0b' }), row({ path: '\0' })];
    const { refused } = await storage.commit([change('doc', [...odd, row({ path: 'a' })])]);
    const isRefused = ({ path }: FieldRow) => refused.some((other) => other.path === path);
    t.strictSame(await rowsOf(storage, 'doc'), sorted([...odd.filter((row) => !isRefused(row)), row({ path: 'a' })]));
  });
}

function refusalTests(test: Test): void {
  const bad: Record<string, Partial<FieldRow>> = {
    'a path over 1024 bytes': { path: 'p'.repeat(1025) },
    'a path over 1024 bytes in fewer characters': { path: 'é'.repeat(513) },
    'a lone surrogate in the path': { path: 'x\ud800y' },
    'a lone surrogate in the client id': { path: 'bad', clientId: '\udc00' },
    'a lone surrogate in the value': { path: 'bad', value: '"\ud83d"' },
    'a timestamp that is no number': { path: 'bad', timestamp: NaN },
    'a counter with a fraction': { path: 'bad', counter: 0.5 },
  };
  for (const [what, about] of Object.entries(bad)) {
    test(`refused: ${what}; the other rows are written`, async (t, storage) => {
      const { refused } = await storage.commit([
        change('doc', [row({ path: 'before' }), row(about), row({ path: 'later' })], 3),
        change('next', [row()]),
      ]);
      t.match(refused, [{ documentId: 'doc', path: about.path, reason: /./ }]);
      t.equal(refused.length, 1);
      t.strictSame(await rowsOf(storage, 'doc'), [row({ path: 'before' }), row({ path: 'later' })]);
      t.strictSame(await rowsOf(storage, 'next'), [row()]);
    });
  }

  test('refused: documents with an impossible id; the others are written', async (t, storage) => {
    for (const id of ['', 'x'.repeat(257), 'a\0b', '\ud800']) {
      const { refused } = await storage.commit([change(id, [row(), row({ path: 'b' })]), change('doc', [row()])]);
      const expected = [`${id} field`, `${id} b`];
      t.same(
        refused.map(({ documentId, path }) => `${documentId} ${path}`),
        expected,
      );
      await t.rejects(storage.load(['doc', id]), /document id/i);
    }
    t.strictSame(await rowsOf(storage, 'doc'), [row()]);
  });
}
