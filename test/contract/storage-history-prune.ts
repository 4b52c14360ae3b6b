/** What storage adapters promise about the end of what documents were; part of the suite in storage.ts. */

import type { Test as Tap } from 'tap';
import type { Storage } from '../../src/storage/port.js';
import { nextMillisecond } from '../support/next-millisecond.js';
import { all, ann, past, recorded, typed, update } from './history-rows.js';
import { change, row } from './storage-rows.js';
import type { Test } from './storage.js';

export function storageHistoryPruneContract(test: Test): void {
  pruneTests(test);
  endTests(test);
}

function pruneTests(test: Test): void {
  test('HIS3 old entries are dropped by number and by age, and the rest stays true', async (t, storage, opened) => {
    const moments: { readonly at: number; readonly past: object }[] = [];
    for (let i = 1; i <= 30; i++) {
      await storage.commit([recorded('doc', [row({ counter: i, value: `${i}` })])]);
      if (i % 3 === 0) await storage.commit([typed('doc', [update(i, i === 15 ? 70_000 : 3)], { authors: [ann] })]);
      const at = Date.now() + 1;
      moments.push({ at, past: await past(storage, at) });
      await nextMillisecond();
      await nextMillisecond();
    }
    const { history } = storage;
    t.strictSame(
      (await history.list('', 10)).map(({ id, entries }) => ({ id, entries })),
      [{ id: 'doc', entries: 40 }],
    );
    t.strictSame(await history.prune({ documentId: 'doc', before: 0, keep: 40 }), { entries: 0, hasMore: false });
    t.strictSame(await history.prune({ documentId: 'doc', before: 0, keep: 25 }), { entries: 15, hasMore: false });
    await holds(t, storage, moments);
    const { entries } = await history.entries('doc', all);
    t.equal(entries.length, 25);
    const middle = entries[11]!.at;
    await Promise.all([1, 2].map(() => history.prune({ documentId: 'doc', before: middle, keep: 100 })));
    const current = (await opened.reopen()) ?? storage;
    t.strictSame(
      (await current.history.entries('doc', all)).entries,
      entries.filter(({ at }) => at >= middle),
    );
    await holds(t, current, moments);
    await current.history.prune({ documentId: 'doc', before: Infinity, keep: 100 });
    t.strictSame((await current.history.entries('doc', all)).entries, []);
    t.strictSame(await past(current, Date.now()), moments.at(-1)!.past);
    await nextMillisecond();
    const at = Date.now();
    await nextMillisecond();
    await current.commit([typed('doc', [update(99, 3)], { authors: [ann] })]);
    t.strictSame(await past(current, at), moments.at(-1)!.past, 'the text is kept as a whole again');
  });

  test('HIS3 the work of one call is bounded', async (t, storage) => {
    for (let i = 0; i < 3; i++) {
      const fields = Array.from({ length: 600 }, (_, n) => row({ path: `f${n}`, counter: i + 1, value: `${i}` }));
      await storage.commit([recorded('doc', fields)]);
    }
    const calls: number[] = [];
    for (let hasMore = true; hasMore;) {
      const pruned = await storage.history.prune({ documentId: 'doc', before: Infinity, keep: 0 });
      calls.push(pruned.entries);
      ({ hasMore } = pruned);
      t.ok(calls.length < 10);
    }
    t.ok(calls.length > 1);
    t.strictSame(await storage.history.list('', 10), [{ id: 'doc', entries: 0, oldestAt: 0 }]);
    t.strictSame(await storage.history.prune({ documentId: 'none', before: 1, keep: 1 }), {
      entries: 0,
      hasMore: false,
    });
  });

  test('HIS3 documents with history are listed in the order of their ids', async (t, storage) => {
    const ids = ['B', 'a', 'a-1', 'a:1', 'aa'];
    await storage.commit([change('a0', [row()]), ...ids.map((id) => recorded(id, [row()]))]);
    const found: string[] = [];
    for (;;) {
      const [next] = await storage.history.list(found.at(-1) ?? '', 1);
      if (next === undefined) break;
      found.push(next.id);
    }
    t.strictSame(found, ids);
  });
}

function endTests(test: Test): void {
  test('HIS4 an erased document has no history, a deleted one keeps it', async (t, storage, opened) => {
    await storage.commit([recorded('doc', [row()]), recorded('doc-2', [row()])]);
    await storage.commit([typed('doc', [update(1, 3)], { authors: [ann] })]);
    await storage.lifecycle.delete('doc', Date.now());
    t.equal((await storage.history.entries('doc', all)).state, 'deleted');
    await storage.lifecycle.restore('doc');
    t.equal((await storage.history.entries('doc', all)).entries.length, 2);
    await storage.lifecycle.erase({ documentId: 'doc', at: Date.now(), stamp: 90 });
    const current = (await opened.reopen()) ?? storage;
    const { entries, keptSince } = await current.history.entries('doc', all);
    t.strictSame({ entries, keptSince }, { entries: [], keptSince: undefined });
    t.equal((await current.history.entries('doc-2', all)).entries.length, 1);
    t.strictSame(
      (await current.history.list('', 10)).map(({ id }) => id),
      ['doc-2'],
    );
  });

  test('HIS4 what an erased document was is not told to have been nothing', async (t, storage) => {
    await storage.commit([recorded('doc', [row()])]);
    await nextMillisecond();
    const at = Date.now() + 1;
    await nextMillisecond();
    await nextMillisecond();
    await storage.lifecycle.erase({ documentId: 'doc', at: at + 1, stamp: 90 });
    await storage.commit([recorded('doc', [row({ timestamp: Date.now() + 60_000, stamp: 91 })])]);
    const { keptSince = 0, entries } = await storage.history.entries('doc', all);
    t.equal(entries.length, 1);
    t.ok(keptSince > at, `${keptSince} > ${at}`);
  });
}

async function holds(t: Tap, storage: Storage, moments: readonly { at: number; past: object }[]): Promise<void> {
  const { keptSince = 0 } = await storage.history.entries('doc', all);
  t.ok(keptSince > 0);
  const kept = moments.filter(({ at }) => at >= keptSince);
  t.ok(kept.length > 3);
  for (const { at, past: expected } of kept) t.strictSame(await past(storage, at), expected, `at ${at}`);
}
