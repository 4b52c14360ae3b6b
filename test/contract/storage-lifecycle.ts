/** What storage adapters promise about whole documents: lists, deletion, erasure, history; part of the suite in storage.ts. */

import type { ListRequest } from '../../src/storage/lifecycle/port.js';
import type { Storage, TextUpdate } from '../../src/storage/port.js';
import { storageHistoryContract } from './storage-history.js';
import { change, row, rowsOf, sorted } from './storage-rows.js';
import type { Test } from './storage.js';

const update = (number: number): TextUpdate => ({
  id: number.toString(16).padStart(32, '0'),
  bytes: Uint8Array.of(1, 2, number),
});

export function storageLifecycleContract(test: Test): void {
  listTests(test);
  deletionTests(test);
  erasureTests(test);
  storageHistoryContract(test);
}

function listTests(test: Test): void {
  test('a list has every document once, in the order of ids, page by page', async (t, storage) => {
    const ids = ['a', 'a-1', 'a:1', 'a_', 'aa', 'B', 'b', 'zebra', 'team-1:x', 'team-1:y', 'team-10:x'];
    const before = Date.now() - 60_000;
    await storage.commit(ids.map((id) => change(id, [row(), row({ path: 'other' })])));
    const sortedIds = [...ids].sort();
    for (const limit of [1, 3, 100]) t.strictSame(await idsOf(storage, { limit }), sortedIds, `${limit} at a time`);
    t.strictSame(await idsOf(storage, { prefix: 'team-1:' }), ['team-1:x', 'team-1:y']);
    t.strictSame(await idsOf(storage, { prefix: 'a', limit: 2 }), ['a', 'a-1', 'a:1', 'a_', 'aa']);
    t.strictSame(await idsOf(storage, { after: 'a:1', prefix: 'a' }), ['a_', 'aa']);
    t.strictSame(await idsOf(storage, { after: 'a:2', prefix: 'b' }), ['b'], 'behind an id that is not there');
    t.strictSame(await idsOf(storage, { prefix: 'none' }), []);
    const [first] = (await storage.lifecycle.list({ ...all, limit: 1 })).documents;
    t.equal(first!.id, 'B');
    t.ok(first!.created > before && first!.updated >= first!.created && first!.updated < before + 120_000);
    t.notOk('deletedAt' in first!);
  });

  test('documents that come while a list is read do not disturb it', async (t, storage) => {
    const ids = Array.from({ length: 2_500 }, (_, i) => `d${String(i).padStart(5, '0')}`);
    for (let i = 0; i < ids.length; i += 500)
      await storage.commit(ids.slice(i, i + 500).map((id) => change(id, [row()])));
    const seen: string[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await storage.lifecycle.list({ ...all, after, limit: 200 });
      seen.push(...page.documents.map(({ id }) => id));
      await storage.commit([change(`${after}+`, [row()]), change(`zz${seen.length}`, [row()])]);
      after = page.next;
    }
    t.strictSame(
      seen.filter((id) => ids.includes(id)),
      ids,
    );
    t.equal(new Set(seen).size, seen.length, 'none twice');
  });

  test('a page passes over a bounded number of deleted documents', async (t, storage) => {
    const ids = Array.from({ length: 30 }, (_, i) => `d${String(i).padStart(2, '0')}`);
    await storage.commit(ids.map((id) => change(id, [row()])));
    for (const id of ids.slice(3, 28)) await storage.lifecycle.delete(id, 1_000);
    t.strictSame(await idsOf(storage, { limit: 2 }), ['d00', 'd01', 'd02', 'd28', 'd29']);
    t.strictSame(await idsOf(storage, { limit: 10, state: 'deleted' }), ids.slice(3, 28));
    t.strictSame(await idsOf(storage, { limit: 10, state: 'any' }), ids);
    const [deleted] = (await storage.lifecycle.list({ ...all, state: 'deleted' })).documents;
    t.equal(deleted!.deletedAt, 1_000);
  });
}

function deletionTests(test: Test): void {
  test('DEL1 a deleted document is empty, and comes back whole', async (t, storage, opened) => {
    await storage.commit([{ ...change('doc', [row()], 5), text: { append: [update(1)], replaces: [] } }]);
    const [before] = await storage.load(['doc']);
    t.equal(await storage.lifecycle.delete('doc', 1_234), 2, 'it is a commit');
    t.strictSame(await storage.load(['doc']), [{ stamp: 5, commits: 2, fields: [], text: [], deletedAt: 1_234 }]);
    t.strictSame(await storage.lastCommits(['doc']), [2]);
    const current = (await opened.reopen()) ?? storage;
    await current.lifecycle.delete('doc', 9_999);
    t.equal((await current.load(['doc']))[0]!.deletedAt, 1_234, 'the first time counts');
    const restored = await current.lifecycle.restore('doc');
    t.equal(restored, 4);
    t.strictSame(await current.load(['doc']), [{ ...before!, commits: 4 }]);
    t.equal(await current.lifecycle.restore('doc'), 4, 'there is nothing to restore');
  });

  test('DEL1 what a node commits that has not heard of it is kept with the rest', async (t, storage) => {
    await storage.commit([change('doc', [row()])]);
    await storage.lifecycle.delete('doc', 1);
    const { numbers } = await storage.commit([change('doc', [row({ path: 'late' })])]);
    t.equal(numbers.get('doc'), 3);
    t.ok((await storage.load(['doc']))[0]!.deletedAt !== undefined, 'it stays deleted');
    await storage.lifecycle.restore('doc');
    t.strictSame(await rowsOf(storage, 'doc'), sorted([row(), row({ path: 'late' })]));
  });

  test('what is not there can’t be deleted', async (t, storage) => {
    t.equal(await storage.lifecycle.delete('no', 1), undefined);
    t.equal(await storage.lifecycle.restore('no'), undefined);
    t.equal(await storage.lifecycle.erase({ documentId: 'no', at: 1, stamp: 1 }), undefined);
    t.strictSame(await idsOf(storage, { state: 'any' }), []);
    await t.rejects(storage.lifecycle.delete('', 1));
  });
}

function erasureTests(test: Test): void {
  test('DEL2 of an erased document a marker is left, and older writes lose', async (t, storage, opened) => {
    const stored = row({ timestamp: 2_000 });
    await storage.commit([
      {
        ...change('doc', [stored, row({ path: 'two', timestamp: 10 })], 70),
        text: { append: [update(1)], replaces: [] },
      },
      change('doc-2', [stored]),
    ]);
    t.equal(await storage.lifecycle.erase({ documentId: 'doc', at: 5_000, stamp: 90 }), 2);
    const horizon = { timestamp: 5_000, counter: Number.MAX_SAFE_INTEGER, clientId: '', stamp: 90 };
    const marker = { stamp: 90, commits: 2, fields: [], text: [], horizon, erasedAt: 5_000 };
    t.strictSame(await storage.load(['doc']), [marker]);
    const current = (await opened.reopen()) ?? storage;
    t.strictSame(await current.load(['doc']), [marker], 'after reopening');
    const late = [stored, row({ path: 'offline', timestamp: 5_000, counter: 99 })];
    const { expired = [], refused } = await current.commit([change('doc', late)]);
    t.strictSame(expired.map(({ path }) => path).sort(), ['field', 'offline']);
    t.strictSame(refused, []);
    const fresh = row({ path: 'fresh', timestamp: 5_001, counter: 0 });
    await current.commit([change('doc', [fresh])]);
    t.strictSame(await rowsOf(current, 'doc'), [fresh], 'newer writes begin it anew');
    t.strictSame(await rowsOf(current, 'doc-2'), [stored], 'others are left alone');
  });

  test('DEL2 the horizon covers what is dated ahead of the erasure', async (t, storage) => {
    await storage.commit([change('doc', [row({ timestamp: 8_000 })], 500)]);
    await storage.lifecycle.erase({ documentId: 'doc', at: 5_000, stamp: 90 });
    const [{ horizon, stamp } = { horizon: undefined, stamp: 0 }] = await storage.load(['doc']);
    t.strictSame([horizon?.timestamp, horizon?.stamp, stamp], [8_000, 500, 500]);
    await storage.lifecycle.erase({ documentId: 'doc', at: 6_000, stamp: 90 });
    t.equal((await storage.load(['doc']))[0]!.horizon?.timestamp, 8_000, 'it never goes back');
    await storage.lifecycle.erase({ documentId: 'doc', at: 7_000, stamp: 90, latest: 9_000 });
    const [last] = await storage.load(['doc']);
    t.strictSame([last!.horizon?.timestamp, last!.erasedAt], [9_000, 7_000], 'nor is it behind what is on its way');
  });

  test('DEL2 an erased document takes no text', async (t, storage) => {
    const text = (number: number) => ({ append: [update(number)], replaces: [] });
    await storage.commit([{ ...change('doc', [row()]), text: text(1) }]);
    await storage.lifecycle.erase({ documentId: 'doc', at: 5_000, stamp: 1 });
    const fresh = row({ path: 'fresh', timestamp: 2 ** 50 });
    const { refused, numbers } = await storage.commit([
      { ...change('doc', [fresh]), text: text(2) },
      { ...change('other', []), text: text(3) },
    ]);
    t.strictSame(refused, [{ documentId: 'doc', path: undefined, reason: 'the text of the document was erased' }]);
    t.strictSame([...numbers.keys()].sort(), ['doc', 'other']);
    const [doc, other] = await storage.load(['doc', 'other']);
    t.strictSame([doc!.text, sorted(doc!.fields), other!.text], [[], [fresh], [update(3)]]);
  });

  test('DEL2 a document may be erased that is deleted, and only if it is for long enough', async (t, storage) => {
    await storage.commit([change('doc', [row()]), change('there', [row()])]);
    await storage.lifecycle.delete('doc', 2_000);
    const erase = (documentId: string, deletedBefore?: number) =>
      storage.lifecycle.erase({ documentId, at: 9_000, stamp: 1, deletedBefore });
    t.equal(await erase('doc', 2_000), undefined, 'not before its time');
    t.equal(await erase('there', 9_000), undefined, 'nor one that is not deleted');
    t.equal((await rowsOf(storage, 'there')).length, 1);
    t.ok((await erase('doc', 2_001))! > 0);
    const [document] = await storage.load(['doc']);
    t.strictSame([document!.deletedAt, document!.erasedAt, document!.fields], [undefined, 9_000, []]);
    await storage.lifecycle.restore('doc');
    t.strictSame(await rowsOf(storage, 'doc'), [], 'nothing comes back');
    t.equal(await erase('doc', 10_000), undefined, 'it is not deleted any more');
  });

  test('DEL2 a document of very many fields is erased', async (t, storage) => {
    const fields = Array.from({ length: 5_000 }, (_, i) => row({ path: `f${i}` }));
    await storage.commit([change('doc', fields), change('doc-', [row()]), change('do', [row()])]);
    await storage.lifecycle.erase({ documentId: 'doc', at: Date.now(), stamp: 1 });
    t.strictSame(await rowsOf(storage, 'doc'), []);
    t.strictSame([(await rowsOf(storage, 'doc-')).length, (await rowsOf(storage, 'do')).length], [1, 1]);
  });
}

const all: ListRequest = { prefix: '', after: '', limit: 1_000, state: 'present' };

/** The ids of all pages. */
async function idsOf(storage: Storage, request: Partial<ListRequest>): Promise<string[]> {
  const ids: string[] = [];
  let next = request.after ?? '';
  for (;;) {
    const page = await storage.lifecycle.list({ ...all, ...request, after: next });
    if (page.documents.length > (request.limit ?? Infinity)) throw new Error('a page is larger than was asked for');
    ids.push(...page.documents.map(({ id }) => id));
    if (page.next === undefined) return ids;
    next = page.next;
  }
}
