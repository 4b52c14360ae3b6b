/** What is particular to a folder: how it is opened, who else writes in it, what a full disk and a bad entry do. */

import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import t from 'tap';
import {
  decodeDocument,
  documentKey,
  encodeFormat,
  fieldKey,
  formatKey,
  formatVersion,
  type DocumentRecord,
} from '../../../src/storage/lmdb/format.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { change, contentOf, onlyRow, row, rowsOf } from '../../contract/storage-rows.js';
import { newFolder, openIn, tamper } from './temporary-folder.js';

void t.test('a missing folder is made with its parents, for this user alone', async (t) => {
  const directory = join(await newFolder(t), 'made', 'on.the.way');
  const storage = openIn(t, directory);
  await storage.commit([change('doc', [row()])]);
  t.strictSame(await onlyRow(storage, 'doc'), row());
  t.equal((await stat(directory)).mode & 0o777, 0o700);
  t.equal((await stat(join(directory, 'data.mdb'))).mode & 0o777, 0o600);
});

void t.test('a folder that can’t be written is named in the error', async (t) => {
  const parent = await newFolder(t);
  const file = join(parent, 'file');
  await writeFile(file, '');
  t.throws(() => openLmdbStorage({ directory: join(file, 'data') }), {
    message: new RegExp(`${file}/data can't be`),
  });

  const directory = join(parent, 'readonly');
  await mkdir(directory, { mode: 0o500 });
  await chmod(parent, 0o755);
  const asNobody = process.geteuid?.() === 0;
  if (asNobody) process.seteuid?.(65_534); // root may write everywhere
  try {
    t.throws(() => openLmdbStorage({ directory }), { message: new RegExp(`${directory} can't be`) });
  } finally {
    if (asNobody) process.seteuid?.(0);
  }
});

void t.test('a store of a newer format is refused', async (t) => {
  const directory = await newFolder(t);
  await tamper(directory, (store) => store.put(formatKey, encodeFormat(formatVersion + 1)));
  t.throws(() => openLmdbStorage({ directory }), { message: /format 7, made by a newer version/ });
  t.throws(() => openLmdbStorage({ directory }), { message: new RegExp(directory) }, 'again');
});

void t.test('a store that is not ours is refused', async (t) => {
  const directory = await newFolder(t);
  await tamper(directory, (store) => {
    void store.put(Buffer.from('theirs'), Buffer.from('value'));
    return store.remove(formatKey);
  });
  t.throws(() => openLmdbStorage({ directory }), { message: /not one of this server/ });
});

void t.test('a document with a corrupt entry can’t be loaded, instead of being empty', async (t) => {
  const entries: [string, Buffer, Buffer][] = [
    ['a row that is not msgpack', fieldKey('doc', 'field'), Buffer.from([0xc1, 1, 2])],
    ['a row that is cut off', fieldKey('doc', 'field'), Buffer.from([0x96, 1, 2])],
    ['a row of other types', fieldKey('doc', 'field'), Buffer.from([0x96, 1, 2, 3, 4, 5, 6])],
    ['an empty row', fieldKey('doc', 'field'), Buffer.alloc(0)],
    ['a path that is not UTF-8', Buffer.concat([fieldKey('doc', 'x'), Buffer.of(0xff)]), Buffer.of(0x90)],
    ['a key that is of nothing known', Buffer.concat([documentKey('doc'), Buffer.of(3)]), Buffer.of(0x90)],
    ['a record that is a number', documentKey('doc'), Buffer.of(1)],
    ['a record with a fraction', documentKey('doc'), Buffer.from([0x93, 0xca, 0x3f, 0, 0, 0, 1, 1])],
  ];
  for (const [what, key, value] of entries) {
    const directory = await newFolder(t);
    const storage = openLmdbStorage({ directory });
    await storage.commit([change('doc', [row()]), change('other', [row()])]);
    await storage.close();
    await tamper(directory, (store) => store.put(key, value));
    const again = openIn(t, directory);
    await t.rejects(again.load(['other', 'doc']), { message: /Document doc can't be read/ }, what);
    t.strictSame(await rowsOf(again, 'other'), [row()], 'other documents are not concerned');
  }
});

void t.test('a document without its record can’t be loaded', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit([change('doc', [row()])]);
  await storage.close();
  await tamper(directory, (store) => store.remove(documentKey('doc')));
  await t.rejects(openIn(t, directory).load(['doc']), /no record/);
});

void t.test('a write over a corrupt entry is refused; the others of its commit are written', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit([change('doc', [row()]), change('record', [row()])]);
  await storage.close();
  await tamper(directory, (store) => {
    void store.put(documentKey('record'), Buffer.of(0));
    return store.put(fieldKey('doc', 'field'), Buffer.of(0));
  });
  const again = openIn(t, directory);
  const { refused } = await again.commit([
    change('doc', [row({ counter: 8 }), row({ path: 'other' })]),
    change('record', [row({ counter: 8 })]),
    change('next', [row()]),
  ]);
  t.match(refused, [
    { documentId: 'doc', path: 'field', reason: /field/ },
    { documentId: 'record', path: 'field', reason: /record/ },
  ]);
  t.equal(refused.length, 2);
  t.strictSame(await rowsOf(again, 'next'), [row()]);
});

void t.test('a document has times of creation and update, and counts its commits', async (t) => {
  const directory = await newFolder(t);
  const records: DocumentRecord[] = [];
  for (const counter of [7, 7, 8]) {
    const before = Date.now();
    while (Date.now() === before) await setTimeout(1);
    const storage = openLmdbStorage({ directory });
    await storage.commit([change('doc', [row({ counter })], 5)]);
    await storage.close();
    await tamper(directory, (store) => records.push(decodeDocument(store.get(documentKey('doc'))!)));
  }
  const [first, second, third] = records as [DocumentRecord, DocumentRecord, DocumentRecord];
  t.equal(first.created, first.updated);
  t.same(second, { ...first, updated: second.updated, commits: 2 });
  t.same(third, { ...first, updated: third.updated, commits: 3 });
  t.not(third.updated, first.updated);
});

void t.test('entries of the format without commits are read, and counted from then on', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit([change('doc', [row({ path: 'a' }), row({ path: 'b' })])]);
  await storage.close();
  const packr = new Packr({ useRecords: false });
  await tamper(directory, (store) => {
    void store.put(formatKey, encodeFormat(3));
    void store.put(documentKey('doc'), packr.pack([1, 2, 3]));
    const { timestamp, counter, clientId, stamp, deleted, value } = row();
    return store.put(fieldKey('doc', 'a'), packr.pack([timestamp, counter, clientId, stamp, deleted, value]));
  });
  const again = openIn(t, directory);
  const [before] = await again.load(['doc']);
  t.same([before!.commits, before!.fields.find(({ path }) => path === 'a')], [0, { ...row({ path: 'a' }), commit: 0 }]);
  await again.commit([change('doc', [row({ path: 'a', counter: 8 })])]);
  const [after] = await again.load(['doc']);
  t.same([after!.commits, after!.fields.find(({ path }) => path === 'a')!.commit], [1, 1]);
});

void t.test('a load is one snapshot, also when others commit while it reads', async (t) => {
  const storage = openIn(t, await newFolder(t));
  const filler = Array.from({ length: 1_500 }, (_, i) => row({ path: `filler${i}` }));
  const write = (counter: number) => {
    const fields = [row({ path: 'first', counter }), row({ path: 'last', counter })];
    return storage.commit([change('a', fields, counter), change('b', fields, counter)]);
  };
  await storage.commit([change('a', filler), change('b', filler)]);
  await write(2);
  let commits = 0;
  const done = (async () => {
    for (let counter = 3; counter < 60; counter++, commits++) await write(counter);
  })();
  let mixed = 0;
  const seen = new Set<number>();
  while (commits < 50) {
    const loads = await Promise.all([storage.load(['a', 'b']), storage.load(['b', 'unknown', 'a'])]);
    for (const documents of loads) {
      const counters = documents.flatMap(({ fields, stamp }) => [
        ...(stamp === 0 ? [] : [stamp]),
        ...fields.filter(({ path }) => !path.startsWith('filler')).map(({ counter }) => counter),
      ]);
      if (counters.length !== 6 || new Set(counters).size !== 1) mixed++;
      seen.add(counters[0]!);
    }
  }
  await done;
  t.equal(mixed, 0);
  t.ok(seen.size > 1, 'commits went on between the loads');
});

void t.test('the file outgrows its map', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory, mapSizeBytes: 128 * 1024 });
  t.teardown(() => storage.close());
  const fields = Array.from({ length: 30 }, (_, i) =>
    row({ path: `path${10 + i}`, value: `"${'x'.repeat(500_000)}"` }),
  );
  for (const field of fields) await storage.commit([change('doc', [field])]);
  t.strictSame(await rowsOf(storage, 'doc'), fields);
});

void t.test('a disk without space for a commit: nothing is written, and later commits work again', async (t) => {
  const directory = await newFolder(t);
  const full = openLmdbStorage({ directory, spareBytes: Number.MAX_SAFE_INTEGER });
  await t.rejects(full.commit([change('doc', [row()])]), { message: new RegExp(`${directory} is full`) });
  t.same(await contentOf(full, ['doc']), [{ stamp: 0, fields: [], text: [] }]);
  await full.close();
  const storage = openIn(t, directory);
  await storage.commit([change('doc', [row()])]);
  t.strictSame(await onlyRow(storage, 'doc'), row());
});
