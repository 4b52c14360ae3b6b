import { notFinite, notOpen, type FieldWrite, type FieldsStore, type WriterStamp } from '../lib/fields-store.js';
import { compareUtf8 } from './utf8-order.js';

interface ReferenceDocument {
  readonly fields: Map<string, FieldWrite>;
  /** The last commit that stored the last write of a field, or one that lost to it, where one has stored it. */
  readonly commits: Map<string, number>;
  live: number;
  version: number;
}

/** Bytes of a record in a Map besides its strings; measured with 100 000 of them. */
const recordBytes = 225;

/**
 * The reference implementation of `FieldsCore`, as short as it can be: the model that the core is tested against and
 * that the bench compares it with.
 */
export class ReferenceFields implements FieldsStore {
  readonly #documents = new Map<number, ReferenceDocument>();
  #lastHandle = 0;
  #changes = 0;

  get memoryBytes(): number {
    return [...this.#documents.keys()].reduce((sum, handle) => sum + this.byteSize(handle), 0);
  }

  open(): number {
    const version = ++this.#changes;
    this.#documents.set(++this.#lastHandle, { fields: new Map(), commits: new Map(), live: 0, version });
    return this.#lastHandle;
  }

  close(handle: number): void {
    this.#document(handle);
    this.#documents.delete(handle);
  }

  set(handle: number, write: FieldWrite): boolean {
    checkFinite(write);
    const document = this.#document(handle);
    const current = document.fields.get(write.path);
    const order = current === undefined ? 1 : compareWrites(write, current);
    if (order <= 0) {
      this.#note(document, write.path, order === 0, write.commit);
      return false;
    }
    this.replace(handle, write);
    return true;
  }

  replace(handle: number, write: FieldWrite): void {
    checkFinite(write);
    const document = this.#document(handle);
    const current = document.fields.get(write.path);
    const wasLive = current !== undefined && !current.deleted;
    document.live += Number(!write.deleted) - Number(wasLive);
    document.version = ++this.#changes;
    const { commit, ...field } = write;
    document.fields.set(write.path, field);
    document.commits.delete(write.path);
    this.#note(document, write.path, true, commit);
  }

  get(handle: number, path: string): FieldWrite | undefined {
    const field = this.#document(handle).fields.get(path);
    return field === undefined ? undefined : { ...field };
  }

  stampOf(handle: number, path: string): number | undefined {
    return this.#document(handle).fields.get(path)?.stamp;
  }

  state(handle: number): Uint8Array<ArrayBuffer> {
    const entries: string[] = [];
    for (const { path, value, deleted } of this.#document(handle).fields.values()) {
      if (!deleted) entries.push(`${JSON.stringify(path)}:${value}`);
    }
    return new TextEncoder().encode(`{${entries.join(',')}}`);
  }

  version(handle: number): number {
    return this.#document(handle).version;
  }

  writers(handle: number): WriterStamp[] {
    const stamps = new Map<string, number>();
    for (const { clientId, stamp } of this.#document(handle).fields.values()) {
      stamps.set(clientId, Math.max(stamp, stamps.get(clientId) ?? stamp));
    }
    return Array.from(stamps, ([clientId, stamp]) => ({ clientId, stamp }));
  }

  changesSince(handle: number, vector: ReadonlyMap<string, number>): FieldWrite[] {
    const fields = [...this.#document(handle).fields.values()];
    return fields.filter((field) => field.stamp > (vector.get(field.clientId) ?? 0)).map((field) => ({ ...field }));
  }

  erase(handle: number, path: string): boolean {
    const document = this.#document(handle);
    if (document.fields.get(path)?.deleted === false) document.live--;
    document.commits.delete(path);
    document.version = ++this.#changes;
    return document.fields.delete(path);
  }

  tombstoneStamps(handle: number): number[] {
    return this.tombstonesUpTo(handle, Infinity).map(({ stamp }) => stamp);
  }

  tombstonesUpTo(handle: number, stamp: number): FieldWrite[] {
    const fields = [...this.#document(handle).fields.values()];
    return fields.filter((field) => field.deleted && field.stamp <= stamp).map((field) => ({ ...field }));
  }

  committed(handle: number, path: string, stamp: number, commit: number): void {
    const document = this.#document(handle);
    const field = document.fields.get(path);
    if (field !== undefined) this.#note(document, path, field.stamp === stamp, commit);
  }

  commitOf(handle: number, path: string): number {
    return this.#document(handle).commits.get(path) ?? Infinity;
  }

  changesAfter(handle: number, commit: number): FieldWrite[] {
    const { fields, commits } = this.#document(handle);
    const found = [...fields.values()].filter(({ path }) => (commits.get(path) ?? Infinity) > commit);
    return found.map((field) => ({ ...field }));
  }

  findStamp(handle: number, stamp: number): FieldWrite | undefined {
    const found = [...this.#document(handle).fields.values()].find((field) => field.stamp === stamp);
    return found === undefined ? undefined : { ...found };
  }

  fieldCount(handle: number): number {
    return this.#document(handle).fields.size;
  }

  liveCount(handle: number): number {
    return this.#document(handle).live;
  }

  byteSize(handle: number): number {
    return sizeOf(this.#document(handle).fields.values());
  }

  tombstoneBytes(handle: number): number {
    return sizeOf(this.tombstonesUpTo(handle, Infinity));
  }

  liveBytes(handle: number): number {
    return this.byteSize(handle) - this.tombstoneBytes(handle);
  }

  #note({ commits }: ReferenceDocument, path: string, isWrite: boolean, commit: number | undefined): void {
    const known = commits.get(path);
    if (commit !== undefined && (known === undefined ? isWrite : commit > known)) commits.set(path, commit);
  }

  #document(handle: number): ReferenceDocument {
    const document = this.#documents.get(handle);
    if (document === undefined) throw notOpen(handle);
    return document;
  }
}

function checkFinite({ timestamp, counter, stamp }: FieldWrite): void {
  const sum = timestamp + counter + stamp;
  if (sum - sum !== 0) throw notFinite();
}

function sizeOf(fields: Iterable<FieldWrite>): number {
  let bytes = 0;
  for (const { path, value } of fields) bytes += path.length + value.length + recordBytes;
  return bytes;
}

/** Below, at or above 0 as `a` comes before, equals or comes after `b` in the order of writes. */
function compareWrites(a: FieldWrite, b: FieldWrite): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp;
  if (a.counter !== b.counter) return a.counter - b.counter;
  return compareUtf8(a.clientId, b.clientId) || compareUtf8(a.value, b.value);
}
