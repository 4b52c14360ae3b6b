/** What a read of a history looks at, and what a damaged or unfinished one does to the others. */
import { test } from 'tap';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { historyKey } from '../../../src/storage/lmdb/history/format.js';
import { all, ann, past, recorded, typed, update } from '../../contract/history-rows.js';
import { row } from '../../contract/storage-rows.js';
import { change, pageBytes } from '../../support/damage.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { newFolder, openIn, tamper } from './temporary-folder.js';

test('a read looks at no more of a history than it tells: what is older may be large, or damaged', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  const text = (number: number, length: number, replaces: readonly string[] = []): Promise<unknown> =>
    storage.commit([typed('doc', [update(number, length)], { authors: [ann], replaces })]);
  await text(1, 200_000);
  const compacted = { append: [update(2, 5)], replaces: [update(1, 1).id] };
  await storage.commit([{ ...recorded('doc', []), text: compacted }]);
  await text(3, 6);
  await nextMillisecond();
  const at = Date.now();
  await nextMillisecond();
  await text(4, 7);
  for (let i = 1; i <= 30; i++) await storage.commit([recorded('doc', [row({ counter: i, value: `${i}` })])]);
  await storage.close();
  let damaged = 0;
  change(directory, (bytes) => {
    // The large values that are all ones: their first pages begin with a header.
    for (let page = pageBytes * 2; page < bytes.length; page += pageBytes) {
      const isLarge = bytes.subarray(page + 64, page + pageBytes).every((byte) => byte === 1);
      if (!isLarge || bytes.subarray(page, page + 16).every((byte) => byte === 1)) continue;
      bytes.fill(0xff, page, page + 16);
      damaged++;
    }
    return undefined;
  });
  t.ok(damaged > 0);
  const opened = openIn(t, directory);
  const { entries, hasMore } = await opened.history.entries('doc', { limit: 32, maxBytes: 1e6 });
  t.strictSame(
    { count: entries.length, hasMore, oldest: entries.at(-1)!.commit },
    { count: 32, hasMore: true, oldest: 3 },
  );
  t.equal((await opened.history.entries('doc', all)).entries.length, 33);
  t.strictSame(await past(opened, at), { fields: '{}', text: '2,3' });
  await t.rejects(opened.history.at('doc', entries.at(-1)!.at - 1), 'what is damaged is not made up');
  await t.rejects(opened.history.prune({ documentId: 'doc', before: Infinity, keep: 0 }), 'nor removed');
});

test('a history whose record is missing or can’t be read does not hide those behind it', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory });
  await storage.commit(['a', 'b', 'c'].map((id) => recorded(id, [row()])));
  await storage.close();
  await tamper(directory, (store) => {
    store.removeSync(historyKey('a'));
    store.putSync(historyKey('b'), Buffer.from([0]));
  });
  const { history } = openIn(t, directory);
  const found = await history.list('', 10);
  t.strictSame(
    found.map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  t.ok(found[0]!.entries > 1_000_000 && found[1]!.entries > 1_000_000, 'they are looked at');
  t.equal(found[2]!.entries, 1);
  t.strictSame(await history.prune({ documentId: 'a', before: 0, keep: 1 }), { entries: 0, hasMore: false });
  await t.rejects(history.prune({ documentId: 'b', before: 0, keep: 1 }));
});
