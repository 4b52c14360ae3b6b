import { CoreInstance, inputSize, type CoreOptions } from './core-instance.js';
import type { CoreExports } from './core-exports.js';
import { notFinite, notOpen, type FieldWrite, type FieldsStore, type WriterStamp } from './fields-store.js';
import { fieldRecord, resultRecords, writerRecord } from './layout.js';

/** The allocator's largest block in bytes. */
const mostState = 2 ** 30 - 4;

/**
 * Field documents in WASM memory. Compiles the module once per thread and instantiates it anew for each object. Once a
 * call has thrown `CoreAbort`, every later one does: make a new object and load the documents into it.
 */
export class FieldsCore implements FieldsStore {
  readonly #core: CoreInstance;
  /** Handle → address of the document. */
  readonly #documents = new Map<number, number>();
  /** By handle. */
  readonly #versions = new Map<number, number>();
  #changes = 0;
  #lastHandle = 0;

  /**
   * Throws a `RangeError` for options out of range.
   *
   * @param core The instance to use, for tests of its internals.
   */
  constructor(options: CoreOptions = {}, core = new CoreInstance(options)) {
    this.#core = core;
  }

  get memoryBytes(): number {
    return this.#core.memory.size;
  }

  open(): number {
    const document = this.#core.run((core) => core.fieldsOpen());
    const handle = ++this.#lastHandle;
    this.#documents.set(handle, document);
    this.#versions.set(handle, ++this.#changes);
    return handle;
  }

  close(handle: number): void {
    const document = this.#document(handle);
    this.#documents.delete(handle);
    this.#versions.delete(handle);
    this.#core.run((core) => {
      core.fieldsClose(document);
    });
  }

  set(handle: number, write: FieldWrite): boolean {
    return this.#set(handle, write, 0);
  }

  replace(handle: number, write: FieldWrite): void {
    this.#set(handle, write, 1);
  }

  /** The hot path: texts of usual size are written without a closure or an array. @param forced 1, or 0. */
  #set(handle: number, write: FieldWrite, forced: number): boolean {
    const document = this.#document(handle);
    const { path, value, clientId, timestamp, counter, stamp, commit = Infinity } = write;
    const deleted = write.deleted ? 1 : 0;
    const sum = timestamp + counter + stamp;
    // Only a finite number minus itself is 0.
    if (sum - sum !== 0) throw notFinite();

    this.#versions.set(handle, ++this.#changes);
    const core = this.#core;
    // No UTF-16 unit takes more than three bytes.
    if ((clientId.length + path.length + value.length) * 3 > inputSize) {
      return core.runWith([clientId, path, value], (exports, [client = 0, name = 0, text = 0]) => {
        return (
          exports.fieldsSet(document, client, name, text, deleted, forced, timestamp, counter, stamp, commit) !== 0
        );
      });
    }
    const { memory, input } = core;
    const client = core.stageFirst(clientId);
    const name = memory.writeText(path, input + client);
    const text = memory.writeText(value, input + client + name);
    let won: number;
    try {
      won = core.exports.fieldsSet(document, client, name, text, deleted, forced, timestamp, counter, stamp, commit);
    } catch (cause) {
      throw core.fail(cause);
    }
    memory.refresh();
    return won !== 0;
  }

  get(handle: number, path: string): FieldWrite | undefined {
    const document = this.#document(handle);
    const found = this.#runWith(path, (core, length) => core.fieldsGet(document, length));
    return found === 0 ? undefined : this.#readField(this.#core.result + resultRecords, new Map(), path);
  }

  stampOf(handle: number, path: string): number | undefined {
    const document = this.#document(handle);
    const found = this.#runWith(path, (core, length) => core.fieldsGet(document, length));
    const { memory, result } = this.#core;
    return found === 0 ? undefined : memory.double(result + resultRecords + fieldRecord.stamp);
  }

  state(handle: number): Uint8Array<ArrayBuffer> {
    const document = this.#document(handle);
    const length = this.#core.exports.fieldsStateLength(document);
    if (length > mostState) throw new RangeError(`a state of ${length} bytes is more than the core writes at once`);
    const block = this.#core.run((core) => {
      const target = core.allocate(length);
      core.fieldsWriteState(document, target);
      return target >>> 0;
    });
    try {
      return this.#core.memory.copy(block, length);
    } finally {
      this.#core.run((core) => {
        core.release(block);
      });
    }
  }

  version(handle: number): number {
    return this.#versions.get(handle) ?? 0;
  }

  writers(handle: number): WriterStamp[] {
    const document = this.#document(handle);
    const { memory } = this.#core;
    this.#core.run((core) => {
      core.fieldsCollectWriters(document);
    });
    const writers: WriterStamp[] = [];
    const next = (core: CoreExports, from: number) => core.fieldsNextWriters(document, from);
    this.#readAll(writerRecord.size, next, (at) => {
      const clientId = memory.readText(
        memory.word(at + writerRecord.clientId),
        memory.word(at + writerRecord.clientIdLength),
      );
      writers.push({ clientId, stamp: memory.double(at + writerRecord.stamp) });
    });
    return writers;
  }

  changesSince(handle: number, vector: ReadonlyMap<string, number>): FieldWrite[] {
    const document = this.#document(handle);
    this.#core.run((core) => {
      core.fieldsStartVector(document);
    });
    for (const [clientId, seen] of vector) {
      this.#runWith(clientId, (core, length) => {
        core.fieldsAddVectorEntry(document, length, seen);
      });
    }
    return this.#readFields((core, from) => core.fieldsNextChanges(document, from));
  }

  committed(handle: number, path: string, stamp: number, commit: number): void {
    const document = this.#document(handle);
    this.#runWith(path, (core, length) => {
      core.fieldsCommitted(document, length, stamp, commit);
    });
  }

  commitOf(handle: number, path: string): number {
    const document = this.#document(handle);
    return this.#runWith(path, (core, length) => core.fieldsCommitOf(document, length));
  }

  changesAfter(handle: number, commit: number): FieldWrite[] {
    const document = this.#document(handle);
    return this.#readFields((core, from) => core.fieldsNextUncommitted(document, commit, from));
  }

  findStamp(handle: number, stamp: number): FieldWrite | undefined {
    const document = this.#document(handle);
    const found = this.#core.run((core) => core.fieldsFindStamp(document, stamp));
    return found === 0 ? undefined : this.#readField(this.#core.result + resultRecords, new Map());
  }

  erase(handle: number, path: string): boolean {
    const document = this.#document(handle);
    this.#versions.set(handle, ++this.#changes);
    return this.#runWith(path, (core, length) => core.fieldsErase(document, length)) !== 0;
  }

  tombstoneStamps(handle: number): number[] {
    const document = this.#document(handle);
    const { memory } = this.#core;
    const stamps: number[] = [];
    const next = (core: CoreExports, from: number) => core.fieldsNextTombstones(document, from, Infinity);
    this.#readAll(fieldRecord.size, next, (at) => {
      stamps.push(memory.double(at + fieldRecord.stamp));
    });
    return stamps;
  }

  tombstonesUpTo(handle: number, stamp: number): FieldWrite[] {
    const document = this.#document(handle);
    const clients = new Map<number, string>();
    const tombstones: FieldWrite[] = [];
    const next = (core: CoreExports, from: number) => core.fieldsNextTombstones(document, from, stamp);
    this.#readAll(fieldRecord.size, next, (at) => {
      tombstones.push(this.#readField(at, clients));
    });
    return tombstones;
  }

  fieldCount(handle: number): number {
    return this.#core.exports.fieldsCount(this.#document(handle));
  }

  liveCount(handle: number): number {
    return this.#core.exports.fieldsLiveCount(this.#document(handle));
  }

  byteSize(handle: number): number {
    return this.#core.exports.fieldsByteSize(this.#document(handle)) >>> 0;
  }

  tombstoneBytes(handle: number): number {
    return this.#core.exports.fieldsTombstoneBytes(this.#document(handle));
  }

  liveBytes(handle: number): number {
    return this.#core.exports.fieldsLiveBytes(this.#document(handle));
  }

  #document(handle: number): number {
    const document = this.#documents.get(handle);
    if (this.#core.failure !== undefined) throw this.#core.failure;
    if (document === undefined) throw notOpen(handle);
    return document;
  }

  /** Runs a call with one string in the input area. */
  #runWith<T>(text: string, call: (core: CoreExports, length: number) => T): T {
    if (text.length * 3 > inputSize) return this.#core.runWith([text], (core, [length = 0]) => call(core, length));
    const length = this.#core.stageFirst(text);
    return this.#core.run((core) => call(core, length));
  }

  #readFields(next: (core: CoreExports, from: number) => number): FieldWrite[] {
    const fields: FieldWrite[] = [];
    const clients = new Map<number, string>();
    this.#readAll(fieldRecord.size, next, (at) => {
      fields.push(this.#readField(at, clients));
    });
    return fields;
  }

  /** Calls `next` until it has filled the result area for the last time, and `read` with the address of each record. */
  #readAll(size: number, next: (core: CoreExports, from: number) => number, read: (at: number) => void): void {
    const { result, memory } = this.#core;
    let from = 0;
    do {
      const start = from;
      const found = this.#core.run((core) => next(core, start));
      for (let index = 0; index < found; index++) read(result + resultRecords + index * size);
      from = memory.word(result);
    } while (from !== 0);
  }

  /**
   * @param clients Client ids already read, by address: most records share a few.
   * @param path The path, where it is known.
   */
  #readField(at: number, clients: Map<number, string>, path?: string): FieldWrite {
    const { memory } = this.#core;
    const client = memory.word(at + fieldRecord.clientId);
    let clientId = clients.get(client);
    if (clientId === undefined) {
      clientId = memory.readText(client, memory.word(at + fieldRecord.clientIdLength));
      clients.set(client, clientId);
    }
    return {
      path: path ?? memory.readText(memory.word(at + fieldRecord.path), memory.word(at + fieldRecord.pathLength)),
      value: memory.readText(memory.word(at + fieldRecord.value), memory.word(at + fieldRecord.valueLength)),
      deleted: memory.word(at + fieldRecord.deleted) !== 0,
      timestamp: memory.double(at + fieldRecord.timestamp),
      counter: memory.double(at + fieldRecord.counter),
      clientId,
      stamp: memory.double(at + fieldRecord.stamp),
    };
  }
}
