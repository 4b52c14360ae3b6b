/** What the thread of the snapshots runs: Piscina calls the default export with each request. */
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import type { Snapshot, SnapshotStore } from '../storage/snapshots/port.js';
import type { SnapshotAnswer, SnapshotRequest, SnapshotResults, SnapshotThreadData } from './requests.js';

/** A state is read while another one is written; more would only wait in the database. */
const MAX_CONNECTIONS = 2;

const { storage } = workerData as SnapshotThreadData;
let opening: Promise<SnapshotStore> | undefined;

export default async function handle(request: SnapshotRequest): Promise<unknown> {
  try {
    return moved({ ok: true, result: await resultOf(request) });
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) } satisfies SnapshotAnswer;
  }
}

async function resultOf(request: SnapshotRequest): Promise<SnapshotResults[keyof SnapshotResults]> {
  if (request.kind === 'close') {
    await (await opening)?.close();
    return undefined;
  }
  // Not before it is needed: most nodes have no snapshots.
  opening ??= open();
  const store = await opened(opening);
  switch (request.kind) {
    case 'add':
      return store.add(request.snapshot, request.bounds);
    case 'list':
      return store.list(request.documentId, request.limit);
    case 'latest':
      return store.latest(request.documentId);
    case 'find':
      return store.find(request.id);
    case 'get':
      return store.get(request.id);
    case 'remove':
      return store.remove(request.id);
    case 'removeAll':
      return store.removeAll(request.documentId);
    case 'removeOlder':
      return store.removeOlder(request.createdBefore, request.limit);
    case 'usage':
      return store.usage();
  }
}

/** A failure is of one request: the next one tries anew. */
async function opened(attempt: Promise<SnapshotStore>): Promise<SnapshotStore> {
  try {
    return await attempt;
  } catch (error) {
    opening = undefined;
    throw error;
  }
}

async function open(): Promise<SnapshotStore> {
  switch (storage.kind) {
    case 'postgres': {
      const { openPostgresSnapshots } = await import('../storage/postgres/snapshots.js');
      const { url, statementTimeoutMs } = storage;
      return openPostgresSnapshots({
        ...{ url, statementTimeoutMs },
        minConnections: 0,
        maxConnections: MAX_CONNECTIONS,
      });
    }
    case 'embedded': {
      const { openLmdbSnapshots } = await import('../storage/lmdb/snapshots.js');
      return openLmdbSnapshots(storage.directory);
    }
    case 'memory': {
      const { openMemorySnapshots } = await import('../storage/snapshots/memory.js');
      return openMemorySnapshots();
    }
  }
}

/** A state goes to the other thread without a copy. */
function moved(answer: SnapshotAnswer): unknown {
  if (!answer.ok || !isSnapshot(answer.result)) return answer;
  const state = exactly(answer.result.state);
  const own: SnapshotAnswer = { ok: true, result: { ...answer.result, state } };
  return move({ [transferableSymbol]: [state.buffer], [valueSymbol]: own });
}

function isSnapshot(result: SnapshotResults[keyof SnapshotResults]): result is Snapshot {
  return typeof result === 'object' && 'state' in result;
}

/** Bytes in a buffer that holds nothing else. */
function exactly(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
