import { test, type Test } from 'tap';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import type { Storage } from '../../../src/storage/port.js';
import { change, row, rowsOf } from '../../contract/storage-rows.js';
import { makeFolder, removeFolder } from './temporary-folder.js';

async function opened(t: Test): Promise<Storage> {
  const directory = await makeFolder();
  const storage = openLmdbStorage({ directory });
  t.teardown(async () => {
    await storage.close();
    await removeFolder(directory);
  });
  return storage;
}

test('DEL4 a document that is restored while it is looked through is not erased', async (t) => {
  const storage = await opened(t);
  const { lifecycle } = storage;
  await storage.commit([change('doc', [row()])]);
  await lifecycle.delete('doc', 1_000);
  const erased = lifecycle.erase({ documentId: 'doc', at: 5_000, stamp: 1, deletedBefore: 1_001 });
  t.equal(await lifecycle.restore('doc'), 3, 'it is done');
  t.equal(await erased, undefined);
  t.strictSame(await rowsOf(storage, 'doc'), [row()]);
  t.strictSame((await storage.load(['doc']))[0]!.horizon, undefined);
});

test('DEL1 a deletion by a clock that was put back is no erasure', async (t) => {
  const storage = await opened(t);
  const { lifecycle } = storage;
  await storage.commit([change('doc', [row({ timestamp: 1_000 })])]);
  await lifecycle.erase({ documentId: 'doc', at: 5_000, stamp: 1 });
  const fresh = row({ timestamp: 6_000 });
  await storage.commit([change('doc', [fresh])]);
  await lifecycle.delete('doc', 4_000);
  const { documents } = await lifecycle.list({ prefix: '', after: '', limit: 1, state: 'deleted' });
  t.notOk(documents[0]!.isErasing);
  t.ok((await lifecycle.restore('doc'))! > 0);
  t.strictSame(await rowsOf(storage, 'doc'), [fresh]);
});
