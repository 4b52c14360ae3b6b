/** Snapshots on a store of keys and values: the embedded one, or memory. */
import type { KeyValueStore, Records } from '../accounts/key-value.js';
import { surplus, type Snapshot, type SnapshotBounds, type SnapshotInfo, type SnapshotStore } from './port.js';

type Reads = Pick<Records, 'get' | 'range'>;

/** What a snapshot takes in the file besides its state, in bytes, at most. */
const RECORD_BYTES = 64 * 1024;

/**
 * The records, by key:
 *
 *     snapshot:<id>  state:<id>  of:<document>/<created>/<id>  age:<created>/<id>  bytes  count
 */
export class KeyValueSnapshots implements SnapshotStore {
  readonly #store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  add(snapshot: Snapshot, bounds: SnapshotBounds): Promise<boolean> {
    const { state, ...info } = snapshot;
    return this.#store.transact((records) => {
      const removed = surplus(infosOf(records, info.documentId), info, bounds);
      const freed = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (numberIn(records, 'bytes') - freed + info.sizeBytes > bounds.maxBytes) return false;
      for (const one of removed) removeOne(records, one);
      records.put(`snapshot:${info.id}`, info);
      records.put(`state:${info.id}`, Buffer.from(state.buffer, state.byteOffset, state.byteLength));
      records.put(keyInDocument(info), info.id);
      if (info.isAutomatic) records.put(keyOfAge(info), info.id);
      count(records, 1, info.sizeBytes);
      return true;
    }, RECORD_BYTES + state.byteLength);
  }

  list(documentId: string, limit: number): Promise<SnapshotInfo[]> {
    return this.#read((records) => infosOf(records, documentId).reverse().slice(0, limit));
  }

  latest(documentId: string): Promise<Snapshot | undefined> {
    return this.#read((records) => withState(records, infosOf(records, documentId).at(-1)));
  }

  find(id: string): Promise<SnapshotInfo | undefined> {
    return this.#read((records) => infoIn(records, id));
  }

  get(id: string): Promise<Snapshot | undefined> {
    return this.#read((records) => withState(records, infoIn(records, id)));
  }

  remove(id: string): Promise<boolean> {
    return this.#store.transact((records) => {
      const info = infoIn(records, id);
      if (info === undefined) return false;
      removeOne(records, info);
      return true;
    });
  }

  removeAll(documentId: string): Promise<number> {
    return this.#store.transact((records) => {
      const infos = infosOf(records, documentId);
      for (const info of infos) removeOne(records, info);
      return infos.length;
    });
  }

  removeOlder(createdBefore: number, limit: number): Promise<number> {
    return this.#store.transact((records) => {
      const found: SnapshotInfo[] = [];
      for (const { value } of records.range('age:')) {
        const info = infoIn(records, String(value));
        if (info === undefined || info.createdAt >= createdBefore || found.length >= limit) break;
        found.push(info);
      }
      for (const info of found) removeOne(records, info);
      return found.length;
    });
  }

  usage(): Promise<{ count: number; bytes: number }> {
    return this.#read((records) => ({ count: numberIn(records, 'count'), bytes: numberIn(records, 'bytes') }));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #read<Result>(action: (records: Reads) => Result): Promise<Result> {
    return action(this.#store.committed);
  }
}

/** The oldest first. */
function infosOf(records: Reads, documentId: string): SnapshotInfo[] {
  return Array.from(records.range(`of:${documentId}/`), ({ value }) => infoIn(records, String(value))).filter(
    (info) => info !== undefined,
  );
}

function infoIn(records: Reads, id: string): SnapshotInfo | undefined {
  return records.get(`snapshot:${id}`) as SnapshotInfo | undefined;
}

/** Undefined when another process has removed it meanwhile. */
function withState(records: Reads, info: SnapshotInfo | undefined): Snapshot | undefined {
  if (info === undefined) return undefined;
  const state = records.get(`state:${info.id}`) as Uint8Array | undefined;
  // What is read may be a view of memory that the next read uses.
  return state === undefined ? undefined : { ...info, state: new Uint8Array(state) };
}

function removeOne(records: Records, info: SnapshotInfo): void {
  records.remove(`snapshot:${info.id}`);
  records.remove(`state:${info.id}`);
  records.remove(keyInDocument(info));
  if (info.isAutomatic) records.remove(keyOfAge(info));
  count(records, -1, -info.sizeBytes);
}

function count(records: Records, snapshots: number, bytes: number): void {
  records.put('count', numberIn(records, 'count') + snapshots);
  records.put('bytes', numberIn(records, 'bytes') + bytes);
}

function numberIn(records: Reads, key: string): number {
  return Number(records.get(key) ?? 0);
}

function keyInDocument({ documentId, createdAt, id }: SnapshotInfo): string {
  return `of:${documentId}/${padded(createdAt)}/${id}`;
}

function keyOfAge({ createdAt, id }: SnapshotInfo): string {
  return `age:${padded(createdAt)}/${id}`;
}

/** Numbers whose texts sort as they do. */
function padded(number: number): string {
  return String(number).padStart(16, '0');
}
