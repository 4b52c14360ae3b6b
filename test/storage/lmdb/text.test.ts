/** Texts in LMDB: large updates, the size of the file, corrupt entries, folders of the format without texts. */

import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  decodeFormat,
  formatVersion,
  documentKey,
  encodeFormat,
  formatKey,
  updateKey,
} from '../../../src/storage/lmdb/format.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { change, contentOf, row, rowsOf } from '../../contract/storage-rows.js';
import { idOf, update, updatesOf, textChange } from '../../contract/storage-text.js';
import { newFolder, openIn, tamper } from './temporary-folder.js';

const megabyte = 1024 ** 2;

void t.test('a folder of the format without texts is upgraded', async (t) => {
  const directory = await newFolder(t);
  const former = openLmdbStorage({ directory });
  await former.commit([change('doc', [row()], 5)]);
  await former.close();
  await tamper(directory, (store) => store.put(formatKey, encodeFormat(1)));
  const storage = openLmdbStorage({ directory });
  await storage.commit([textChange({ append: [update(1)] })]);
  t.strictSame(await contentOf(storage, ['doc']), [{ stamp: 5, fields: [row()], text: [update(1)] }]);
  await storage.close();
  await tamper(directory, (store) => {
    t.equal(decodeFormat(store.get(formatKey)!), formatVersion, 'servers without texts refuse it from now on');
  });
});

void t.test('a document with a corrupt update can’t be loaded, instead of being empty', async (t) => {
  const key = updateKey('doc', idOf(1));
  const entries: [string, Buffer, Buffer][] = [
    ['an empty update', key, Buffer.alloc(0)],
    ['an id that is too short', key.subarray(0, -1), Buffer.of(1)],
    ['an id that is too long', Buffer.concat([key, Buffer.of(1)]), Buffer.of(1)],
    ['no id', key.subarray(0, documentKey('doc').length + 1), Buffer.of(1)],
  ];
  for (const [what, key, value] of entries) {
    const directory = await newFolder(t);
    const storage = openLmdbStorage({ directory });
    await storage.commit([textChange({ append: [update(1)] }), change('other', [row()])]);
    await storage.close();
    await tamper(directory, (store) => store.put(key, value));
    const again = openIn(t, directory);
    await t.rejects(again.load(['other', 'doc']), { message: /Document doc can't be read/ }, what);
    t.strictSame(await rowsOf(again, 'other'), [row()], 'other documents are not affected');
  }
});

void t.test('a text without the record of its document can’t be loaded', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit([textChange({ append: [update(1)] })]);
  await storage.close();
  await tamper(directory, (store) => store.remove(documentKey('doc')));
  await t.rejects(openIn(t, directory).load(['doc']), /no record/);
});

void t.test('a change of a text whose document is corrupt is refused', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit([textChange({ append: [update(1)] })]);
  await storage.close();
  await tamper(directory, (store) => store.put(documentKey('doc'), Buffer.of(0)));
  const again = openIn(t, directory);
  const { refused } = await again.commit([{ ...textChange({ append: [update(2), update(3)] }), fields: [row()] }]);
  t.match(refused, [
    { documentId: 'doc', path: 'field', reason: /record/ },
    { documentId: 'doc', path: undefined, reason: /record/ },
  ]);
  t.equal(refused.length, 2);
});

void t.test('updates that are larger than what lmdb copies by itself', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  const updates = [17, 40, 0.1].map((size, i) => update(i, new Uint8Array(randomBytes(size * megabyte))));
  t.same((await storage.commit([textChange({ append: updates })])).refused, []);
  const loaded = await updatesOf(storage);
  await storage.commit([textChange({ append: [update(9)], replaces: updates.map(({ id }) => id) })]);
  await storage.commit([textChange({ append: [update(8, new Uint8Array(60 * megabyte))] })]);
  await storage.close();
  for (const [i, { id, bytes }] of loaded.entries()) {
    t.equal(id, updates[i]!.id);
    t.ok(Buffer.compare(bytes, updates[i]!.bytes) === 0, 'it does not change with the file');
  }
});

void t.test('compacting a text over and over does not let the file grow', async (t) => {
  const directory = await newFolder(t);
  const storage = openIn(t, directory);
  const size = async () => (await stat(join(directory, 'data.mdb'))).size;
  const cycle = async (n: number) => {
    await storage.commit([textChange({ append: [update(2 * n)] })]);
    const whole = update(2 * n + 1, new Uint8Array(100_000 + n * 37));
    await storage.commit([textChange({ append: [whole], replaces: [idOf(2 * n - 1), idOf(2 * n)] })]);
  };
  for (let n = 1; n <= 50; n++) await cycle(n);
  const before = await size();
  for (let n = 51; n <= 400; n++) await cycle(n);
  t.ok((await size()) < before + megabyte, `${before} bytes grew to ${await size()}`);
  t.equal((await updatesOf(storage)).length, 1);
});

void t.test('commits of large updates share the lock in several transactions', async (t) => {
  const storage = openIn(t, await newFolder(t));
  const bytes = new Uint8Array(5 * megabyte);
  const commits = Array.from({ length: 8 }, (_, i) => storage.commit([textChange({ append: [update(i, bytes)] })]));
  for (const [i, written] of [3, 3, 3, 6, 6, 6, 8, 8].entries()) {
    await commits[i];
    if (i % 3 === 0) t.equal((await updatesOf(storage)).length, written);
  }
});

void t.test('a load of large updates yields to the event loop', async (t) => {
  const storage = openIn(t, await newFolder(t));
  const updates = Array.from({ length: 20 }, (_, i) => update(i, new Uint8Array(megabyte)));
  await storage.commit([textChange({ append: updates })]);
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await storage.load(['doc']);
  clearImmediate(next);
  t.ok(turns >= 4, `${turns} turns`);
});
