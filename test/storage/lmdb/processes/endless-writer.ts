/**
 * A process that commits until it is killed, and prints which commits were acknowledged. Commit n
 * writes row n of one document, the number n into its text and the counter n into two others, all or nothing. Every few
 * commits the text is compacted.
 */

import { writeSync } from 'node:fs';
import { openLmdbStorage } from '../../../../src/storage/lmdb/storage.js';
import { change, row } from '../../../contract/storage-rows.js';
import { updatesOf } from '../../../contract/storage-text.js';
import { join, updateOf } from '../../numbers-text.js';

const [directory, first] = process.argv.slice(2) as [string, string];
const storage = openLmdbStorage({ directory });

for (let n = Number(first); ; n++) {
  const counter = row({ path: 'counter', counter: n, value: `"${'x'.repeat((n % 7) * 3_000)}"` });
  const updates = n % 3 === 0 ? await updatesOf(storage, 'log') : [];
  const text = { append: [updateOf([...join(updates), n])], replaces: updates.map(({ id }) => id) };
  await storage.commit([
    { ...change('log', [row({ path: String(n), counter: n })], n), text },
    change('left', [counter], n),
    change('right', [counter], n),
  ]);
  writeSync(1, `${n}\n`);
}
