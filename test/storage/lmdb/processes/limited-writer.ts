/**
 * A process whose files may not grow beyond a few megabytes (its parent sets `ulimit -f`): LMDB meets an error of the
 * disk in the middle of a commit. Sends the outcome to its parent.
 */

import { openLmdbStorage } from '../../../../src/storage/lmdb/storage.js';
import { change, row } from '../../../contract/storage-rows.js';
import { idOf, update } from '../../../contract/storage-text.js';

export interface LimitedOutcome {
  /** The messages with which the commits that were too large rejected. */
  readonly rejections: string[];
  /** Paths of the rows that were there after each of them, the stamp, and how many updates the text had. */
  readonly pathsAfter: string[][];
}

const storage = openLmdbStorage({ directory: process.argv[2]! });
const outcome: LimitedOutcome = { rejections: [], pathsAfter: [] };
for (let round = 0; round < 3; round++) {
  const large = Array.from({ length: 60 }, (_, i) => row({ path: `large${i}`, value: `"${'x'.repeat(1_000_000)}"` }));
  const largeUpdate = update(100 + round, new Uint8Array(40_000_000));
  const replaces = [0, 1, 2].map(idOf);
  const small = row({ path: `small${round}` });
  const tooLarge =
    round === 1
      ? { ...change('doc', [small], round + 100), text: { append: [largeUpdate], replaces } }
      : change('doc', [small, ...large], round + 100);
  await storage.commit([tooLarge]).then(
    () => outcome.rejections.push('it was written'),
    (error: unknown) => outcome.rejections.push(String(error)),
  );
  const text = { append: [update(round)], replaces: [] };
  await storage.commit([{ ...change('doc', [row({ path: `after${round}` })], round), text }]);
  const [document] = await storage.load(['doc']);
  const { stamp, fields, text: updates } = document!;
  outcome.pathsAfter.push([...fields.map(({ path }) => path), `stamp ${stamp}`, `${updates.length} updates`]);
}
await storage.close();
process.send!(outcome);
process.disconnect();
