/** A process that reads, as a backup does, and is killed: its pages are reused by the writers that go on. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openLmdbStorage } from '../../../../src/storage/lmdb/storage.js';
import { change, row } from '../../../contract/storage-rows.js';
import { newFolder } from '../temporary-folder.js';

const reader = fileURLToPath(new URL('./endless-reader.js', import.meta.url));

void t.test('the file does not grow for ever after a reader was killed', async (t) => {
  const directory = await newFolder(t);
  const storage = openLmdbStorage({ directory, readersEveryMs: 0 });
  t.teardown(() => storage.close());
  let counter = 0;
  const sizeAfter = async (commits: number): Promise<number> => {
    for (let i = 0; i < commits; i++) {
      await storage.commit([change('doc', [row({ counter: ++counter, value: `"${'x'.repeat(20_000)}"` })], counter)]);
    }
    return statSync(join(directory, 'data.mdb')).size;
  };
  const steady = await sizeAfter(30);
  const child = fork(reader, [directory]);
  await once(child, 'message');
  const pinned = await sizeAfter(30);
  t.ok(pinned > steady + 20 * 20_000, `beside the reader, it grew from ${steady} to ${pinned} bytes`);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const after = await sizeAfter(100);
  t.ok(after < pinned + 20 * 20_000, `after it was killed, 100 commits made ${after} bytes of ${pinned}`);
});
