/**
 * A process whose files may not grow beyond a few megabytes (its parent sets `ulimit -f`): LMDB meets an error of the
 * disk in the middle of a commit. Says what happened as JSON.
 */

import { openEmbeddedStorage } from '../../src/storage/embedded.js';
import { change, row } from '../contract/storage-rows.js';

export interface LimitedOutcome {
  /** The messages with which the commits that were too large rejected. */
  readonly rejections: string[];
  /** Paths of the rows that were there after each of them. */
  readonly pathsAfter: string[][];
}

const storage = openEmbeddedStorage({ directory: process.argv[2]! });
const outcome: LimitedOutcome = { rejections: [], pathsAfter: [] };
for (let round = 0; round < 3; round++) {
  const large = Array.from({ length: 60 }, (_, i) => row({ path: `large${i}`, value: `"${'x'.repeat(1_000_000)}"` }));
  await storage.commit([change('doc', [row({ path: `small${round}` }), ...large], round + 100)]).then(
    () => outcome.rejections.push('it was written'),
    (error: unknown) => outcome.rejections.push(String(error)),
  );
  await storage.commit([change('doc', [row({ path: `after${round}` })], round)]);
  const [document] = await storage.load(['doc']);
  outcome.pathsAfter.push(document!.fields.map(({ path }) => path).concat(`stamp ${document!.stamp}`));
}
await storage.close();
process.send!(outcome);
process.disconnect();
