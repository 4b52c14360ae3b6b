/** What every adapter promises about the feed of changes; each runs this suite (test/storage/<adapter>). */

import t, { type Test as Tap } from 'tap';
import type { ChangeFeed, FeedEntry } from '../../src/storage/changes/port.js';
import type { Storage } from '../../src/storage/port.js';
import { change, row } from './storage-rows.js';

/** A new empty storage that records its commits, and its feed. */
export interface OpenedChanges {
  readonly storage: Storage;
  readonly feed: ChangeFeed;
  /** Closes both and opens what they wrote; undefined when nothing outlives them. @param isRecorded Of the storage. */
  reopen(isRecorded: boolean): Promise<OpenedChanges> | undefined;
  /** Closes what is open and removes every trace. */
  cleanup(): Promise<void>;
}

/** Runs the suite against new storages of one adapter. */
export function changesContract(name: string, open: () => Promise<OpenedChanges>): void {
  const test = (title: string, run: (t: Tap, opened: OpenedChanges) => Promise<void>) =>
    t.test(`${name}: ${title}`, async (t) => {
      const opened = await open();
      t.teardown(() => opened.cleanup());
      await run(t, opened);
    });

  void test('a feed without commits is empty, and its end is where later ones come', async (t, { storage, feed }) => {
    const empty = await feed.read({ after: undefined, limit: 10 });
    t.strictSame(empty?.entries, []);
    const end = await feed.end();
    await storage.commit([change('a', [row()])]);
    for (const after of [undefined, empty?.cursor, end]) t.match(await told(feed, after), ['a changed 1']);
    t.strictSame(await told(feed, await feed.end()), [], 'nothing comes behind the end');
  });

  void test('each document has one entry, of its last commit', async (t, { storage, feed }) => {
    const before = Date.now() - 60_000;
    await storage.commit([change('a', [row()]), change('b', [row()])]);
    await storage.commit([change('c', [row()])]);
    const [, second] = (await feed.read({ after: undefined, limit: 10 }))!.entries;
    await storage.commit([change('a', [row({ path: 'other' })])]);
    t.strictSame(await told(feed), ['b changed 1', 'c changed 1', 'a changed 2']);
    t.strictSame(await told(feed, second!.cursor), ['c changed 1', 'a changed 2']);
    const [{ at }] = (await feed.read({ after: undefined, limit: 1 }))!.entries as [FeedEntry];
    t.ok(at > before && at < before + 120_000, 'with its time');
  });

  void test('a page ends where the next one begins', async (t, { storage, feed }) => {
    const ids = Array.from({ length: 7 }, (_, i) => `d${i}`);
    for (const id of ids) await storage.commit([change(id, [row()])]);
    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await feed.read({ after, limit: 3 });
      seen.push(...page!.entries.map(({ documentId }) => documentId));
      t.equal(page!.entries.at(-1)?.cursor ?? after, page!.cursor);
      after = page!.cursor;
      if (page!.entries.length < 3) break;
    }
    t.strictSame(seen, ids);
    t.match(after, /^[\w-]+$/);
  });

  void test('deletion, restoration and erasure are changes', async (t, { storage, feed }) => {
    const { lifecycle } = storage;
    await storage.commit([change('a', [row()])]);
    await lifecycle.delete('a', 1_000);
    t.strictSame(await told(feed), ['a deleted 2']);
    await storage.commit([change('a', [row({ path: 'late' })])]);
    t.strictSame(await told(feed), ['a deleted 3'], 'a late write does not bring it back');
    await lifecycle.restore('a');
    t.strictSame(await told(feed), ['a restored 4']);
    await lifecycle.restore('a');
    t.strictSame(await told(feed), ['a restored 4'], 'there was nothing to restore');
    await lifecycle.erase({ documentId: 'a', at: Date.now(), stamp: 9 });
    const [erased] = (await feed.read({ after: undefined, limit: 10 }))!.entries;
    t.match(erased, { documentId: 'a', kind: 'erased' });
    t.equal(await lifecycle.delete('none', 1), undefined);
    t.equal((await told(feed)).length, 1);
  });

  void test('what was removed makes cursors before it expire', async (t, { storage, feed }) => {
    const start = (await feed.read({ after: undefined, limit: 1 }))!.cursor;
    for (const id of ['a', 'b', 'c', 'd']) await storage.commit([change(id, [row()])]);
    const [a, b] = (await feed.read({ after: undefined, limit: 10 }))!.entries;
    const never = { before: 0, maxEntries: 100 };
    t.equal(await feed.prune(never), 0);
    t.equal(await feed.prune({ before: 0, maxEntries: 2, keepAfter: a!.cursor }), 1, 'somebody needs b');
    t.strictSame(await told(feed), ['b changed 1', 'c changed 1', 'd changed 1']);
    t.equal(await feed.prune({ ...never, maxEntries: 2 }), 1);
    t.equal(await feed.prune({ ...never, maxEntries: 2 }), 0);
    t.strictSame(await told(feed), ['c changed 1', 'd changed 1']);
    t.strictSame(await told(feed, b!.cursor), ['c changed 1', 'd changed 1']);
    for (const cursor of [start, a!.cursor]) t.equal(await feed.read({ after: cursor, limit: 1 }), undefined);
    const end = await feed.end();
    t.equal(await feed.prune({ before: Date.now() + 60_000, maxEntries: 100 }), 2, 'by age');
    t.strictSame(await told(feed, end), []);
    await storage.commit([change('b', [row({ path: 'again' })])]);
    t.strictSame(await told(feed, end), ['b changed 2']);
  });

  void test('texts that are no cursors of this feed count as expired', async (t, { storage, feed }) => {
    await storage.commit([change('a', [row()])]);
    const cursor = await feed.end();
    const decoded = Buffer.from(cursor, 'base64url').toString();
    const forged = [decoded.replace(/^[^.]+/, 'other'), decoded.replace(/\.\d+\./, '.9007199254740991.'), 'x', '1.2.3'];
    const texts = ['', '!', cursor.slice(0, 4), ...forged.map((text) => Buffer.from(text).toString('base64url'))];
    for (const after of texts) t.equal(await feed.read({ after, limit: 1 }), undefined, after);
    t.strictSame(await told(feed, cursor), []);
  });

  void test('a cursor counts after a restart, but not after commits that were not recorded', async (t, opened) => {
    await opened.storage.commit([change('a', [row()])]);
    const cursor = await opened.feed.end();
    const again = await opened.reopen(true);
    if (again === undefined) return;
    await again.storage.commit([change('b', [row()])]);
    t.strictSame(await told(again.feed, cursor), ['b changed 1']);
    const off = (await again.reopen(false))!;
    await off.storage.commit([change('c', [row()])]);
    const last = (await off.reopen(true))!;
    t.equal(await last.feed.read({ after: cursor, limit: 1 }), undefined);
    const end = await last.feed.end();
    await last.storage.commit([change('a', [row({ path: 'more' })]), change('d', [row()])]);
    t.strictSame(await told(last.feed, end), ['a changed 2', 'd changed 1']);
    t.strictSame(await told(last.feed), ['a changed 2', 'd changed 1'], 'nothing is told that may be stale');
    t.not(await last.feed.newest(), end);
  });

  void test('a reader misses no commit of several writers at once', async (t, { storage, feed }) => {
    const documents = Array.from({ length: 20 }, (_, i) => `d${i}`);
    const expected = new Map<string, number>();
    const write = async (seed: number): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const id = documents[(i * 7 + seed * 5) % documents.length]!;
        const { numbers } = await storage.commit([change(id, [row({ path: `p${seed}-${i}` })])]);
        expected.set(id, Math.max(expected.get(id) ?? 0, numbers.get(id)!));
      }
    };
    const state = { isWriting: true };
    const writing = Promise.all([1, 2, 3].map(write)).then(() => (state.isWriting = false));
    const seen = new Map<string, number>();
    let after: string | undefined;
    for (let isLast = false; !isLast;) {
      isLast = !state.isWriting;
      const page = (await feed.read({ after, limit: 5 }))!;
      for (const { documentId, commit } of page.entries) {
        if (commit <= (seen.get(documentId) ?? 0)) t.fail(`${documentId} goes back to ${commit}`);
        seen.set(documentId, commit);
      }
      after = page.cursor;
      if (page.entries.length > 0) isLast = false;
      await new Promise(setImmediate);
    }
    await writing;
    t.strictSame([...seen].sort(), [...expected].sort());
  });
}

/** The entries of a page, in words. */
export async function told(feed: ChangeFeed, after?: string): Promise<string[] | undefined[]> {
  const page = await feed.read({ after, limit: 100 });
  if (page === undefined) return [undefined];
  return page.entries.map(({ documentId, kind, commit }) => `${documentId} ${kind} ${commit}`);
}
