/** What storage adapters promise about the numbers of commits; part of the suite in storage.ts. */

import type { Storage } from '../../src/storage/port.js';
import { change, row } from './storage-rows.js';
import { update, textChange } from './storage-text.js';
import type { Test } from './storage.js';

export function storageCommitsContract(test: Test): void {
  test('where commits are counted, each of a document gets the next number, whatever it changed', async (t, storage) => {
    if (storage.lastCommits === undefined) {
      const { numbers } = await storage.commit([change('doc', [row()])]);
      t.same([[...numbers], (await storage.load(['doc']))[0]!.commits], [[], 0]);
      return;
    }
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
    if (storage.lastCommits === undefined) return void t.pass();
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
}
