/** Holds a snapshot of a folder's database until it is killed. */

import { openForReading } from '../../../../src/storage/lmdb/folder.js';
import { formatKey } from '../../../../src/storage/lmdb/format.js';

const store = openForReading(process.argv[2] ?? '');
const transaction = store.useReadTransaction();
store.get(formatKey, { transaction });
process.send?.('reading');
// What keeps the snapshot alive must not be collected.
setInterval(() => transaction, 60_000);
