import { test } from 'tap';
import { ProtocolError } from '../../src/errors.js';
import type { SnapshotClient } from '../../src/http/snapshots/ports.js';
import type { DocumentWrite } from '../../src/messages/document-request.js';
import { Snapshots } from '../../src/snapshots/snapshots.js';
import { openMemorySnapshots } from '../../src/storage/snapshots/memory.js';

const actor = { userId: 'ann', address: '127.0.0.1', requestId: 'r' };

/** Snapshots of one document, of which the client is told when it was erased. */
function made() {
  const store = openMemorySnapshots();
  const document = { erasedAt: undefined as number | undefined, refusal: undefined as ProtocolError | undefined };
  const writes: DocumentWrite[] = [];
  const client: SnapshotClient = {
    // eslint-disable-next-line @typescript-eslint/require-await -- async so that errors reject
    read: async (_id, { part }) => {
      if (part === 'erasure' && document.refusal !== undefined) throw document.refusal;
      const body = Buffer.from(part === 'snapshot' ? '{"id":"d","fields":{}}' : '');
      return { tag: '1', updated: 1, isKnown: part === 'erasure', clock: {}, erasedAt: document.erasedAt, body };
    },
    write: (_id, head) => Promise.resolve(void writes.push(head)),
  };
  const snapshots = new Snapshots({
    store,
    memory: { take: () => true, giveBack: () => undefined },
    bounds: { maxPerKind: 9, maxDocumentBytes: 10_000, maxBytes: 10_000 },
    audit: () => undefined,
    onDone: () => undefined,
  });
  return { store, document, writes, client, snapshots };
}

test('DEL2 a snapshot of what is erased meanwhile does not stay', async (t) => {
  const { store, document, client, snapshots } = made();
  const add = store.add.bind(store);
  const kept = () => store.list('d', 9);
  t.match(await snapshots.create(client, 'd', actor), { documentId: 'd' });
  await store.removeAll('d');
  store.add = async (...given) => {
    const isAdded = await add(...given);
    document.erasedAt = (document.erasedAt ?? 0) + 1;
    return isAdded;
  };
  await t.rejects(snapshots.create(client, 'd', actor), { code: 'DOCUMENT_NOT_FOUND' });
  await t.rejects(snapshots.createAutomatic(client, 'd', 'r'), { code: 'DOCUMENT_NOT_FOUND' });
  t.strictSame(await kept(), []);
  document.refusal = new ProtocolError('STORAGE_UNAVAILABLE');
  await t.rejects(snapshots.create(client, 'd', actor), { code: 'STORAGE_UNAVAILABLE' });
  t.strictSame(await kept(), [], 'nor does one of which that is not known');
  document.refusal = new ProtocolError('DOCUMENT_DELETED');
  await snapshots.create(client, 'd', actor);
  t.equal((await kept()).length, 1, 'one of a deleted document does');
});

test('DEL2 a restoration says what it has seen erased before it read the snapshot', async (t) => {
  const { store, document, client, snapshots, writes } = made();
  const info = await snapshots.create(client, 'd', actor);
  document.erasedAt = 5;
  const get = store.get.bind(store);
  store.get = (id) => {
    document.erasedAt = 6;
    return get(id);
  };
  await snapshots.restore(client, info, actor);
  t.strictSame(writes, [{ form: 'restore', erasedAt: 5 }]);
});
