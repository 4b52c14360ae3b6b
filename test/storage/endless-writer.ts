/**
 * A process that commits until it is killed, and says on its standard output which commits were acknowledged. Commit n
 * writes row n of one document and the counter n into two others, all or nothing.
 */

import { writeSync } from 'node:fs';
import { openEmbeddedStorage } from '../../src/storage/embedded.js';
import { change, row } from '../contract/storage-rows.js';

const [directory, first] = process.argv.slice(2) as [string, string];
const storage = openEmbeddedStorage({ directory });

for (let n = Number(first); ; n++) {
  const counter = row({ path: 'counter', counter: n, value: `"${'x'.repeat((n % 7) * 3_000)}"` });
  await storage.commit([
    change('log', [row({ path: String(n), counter: n })], n),
    change('left', [counter], n),
    change('right', [counter], n),
  ]);
  writeSync(1, `${n}\n`);
}
