/** What storage adapters promise about the numbers of commits; part of the suite in storage.ts. */

import type { Storage } from '../../src/storage/port.js';
import { change, row } from './storage-rows.js';
import { update, textChange } from './storage-text.js';
import type { Test } from './storage.js';

export function storageCommitsContract(test: Test): void {
  test('each commit of a document gets the next number, whatever it changed', async (t, storage) => {
    const numbersOf = async (changes: Parameters<Storage['commit']>[0]): Promise<unknown> =>
      [...(await storage.commit(changes)).numbers].sort();
    t.same(await storage.lastCommits(['doc', 'other']), [0, 0]);
    t.same(await numbersOf([change('doc', [row()], 5), change('other', [])]), [
      ['doc', 1],
      ['other', 1],
    ]);
    t.same(await numbersOf([change('doc', [row()], 1)]), [['doc', 2]], 'nothing is new, and L is smaller');
    t.same(await numbersOf([{ ...textChange({ append: [update(1)] }), documentId: 'doc' }]), [['doc', 3]]);
    t.same(await numbersOf([change('doc', []), change('doc', [row({ path: 'b' })])]), [['doc', 4]], 'named twice');
    t.same(await storage.lastCommits(['other', 'unknown', 'doc']), [1, 0, 4]);
    t.same(
      (await storage.load(['doc', 'unknown', 'other'])).map(({ commits }) => commits),
      [4, 0, 1],
    );
  });

  test('commits at the same time have different numbers, and a load holds all up to its own', async (t, storage) => {
    const commits = Array.from({ length: 20 }, (_, i) => storage.commit([change('doc', [row({ path: `f${i}` })])]));
    const load = storage.load(['doc']);
    const numbers = (await Promise.all(commits)).map((committed) => committed.numbers.get('doc')!);
    t.strictSame(
      [...numbers].sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    const { commits: upTo, fields } = (await load)[0]!;
    const expected = numbers.flatMap((number, i) => (number <= upTo ? [`f${i}`] : []));
    t.strictSame(fields.map(({ path }) => path).sort(), expected.sort());
  });

  test('a row bears the number of the commit that put it there', async (t, storage, opened) => {
    const commitsOf = async (from: Storage): Promise<unknown> =>
      (await from.load(['doc']))[0]!.fields.map(({ path, commit }) => [path, commit]).sort();
    await storage.commit([change('doc', [row({ path: 'a' }), row({ path: 'b' })])]);
    await storage.commit([change('doc', [row({ path: 'b', counter: 8 }), row({ path: 'c', commit: 77 })])]);
    await storage.commit([
      change('doc', [row({ path: 'a' }), row({ path: 'c', counter: 6 })]),
      change('other', [row()]),
    ]);
    const large = Array.from({ length: 5_001 }, (_, i) => row({ path: `large${i}` }));
    t.strictSame(
      await commitsOf(storage),
      [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ],
      'also one that lost to it; the same row again keeps the first',
    );
    await storage.commit([change('doc', large)]);
    const [stored] = await storage.load(['doc']);
    t.ok(stored!.fields.every(({ path, commit }) => commit === (path.startsWith('large') ? 4 : commit)));
    t.equal(stored!.commits, 4, 'more rows than a statement has are one commit');
    const reopened = await opened.reopen();
    if (reopened !== undefined) t.same((await reopened.load(['doc']))[0]!.commits, 4);
  });
}
