import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { ProtocolError } from '../errors.js';
import type { SetOperation } from '../protocol/operations.js';
import type { Origin } from '../messages/task.js';
import type { LoadedDocument } from './documents.js';
import type { StampClock } from './stamp.js';

export interface MergeLimits {
  /** Fields of a document, removed ones included. */
  readonly maxFields: number;
  /** Bytes of a document in memory. */
  readonly maxBytes: number;
}

/** A session whose writes lost, and the fields that it must be sent. */
export interface Loser {
  readonly origin: Origin;
  readonly paths: Set<string>;
  /** The client id that it wrote with, if it named one. */
  clientId: string | undefined;
}

/**
 * One flush of one document: takes the writes that are due, and knows afterwards which fields changed and who lost.
 * Several writes to a field leave as one, the winner.
 */
export class Merge {
  /** The winners of this flush by field, in the order of their stamps. */
  readonly changed = new Map<string, FieldWrite>();
  readonly losers = new Map<number, Loser>();
  /** Writes of fields that were merged, and how many of them won. */
  operations = 0;
  applied = 0;
  readonly #core: FieldsStore;
  readonly #clock: StampClock;
  readonly #limits: MergeLimits;
  readonly #document: LoadedDocument;
  readonly #nodeId: string;

  constructor(core: FieldsStore, clock: StampClock, limits: MergeLimits, nodeId: string, document: LoadedDocument) {
    this.#core = core;
    this.#clock = clock;
    this.#limits = limits;
    this.#nodeId = nodeId;
    this.#document = document;
  }

  /** Applies the operations of one message, which `check` has let pass. */
  apply(operations: readonly SetOperation[], origin: Origin, now: number): void {
    this.operations += operations.length;
    for (const operation of operations) this.#applyOne(operation, origin, now);
  }

  #applyOne(operation: SetOperation, origin: Origin, now: number): void {
    const document = this.#document;
    const stamp = this.#clock.next(document.stamp, operation.clockMax, now);
    document.stamp = stamp;
    const write: FieldWrite = {
      path: operation.field,
      value: operation.value,
      deleted: operation.deleted,
      timestamp: this.#clock.timestamp(operation.timestamp, now),
      counter: operation.counter ?? stamp,
      clientId: operation.clientId ?? this.#nodeId,
      stamp,
    };
    if (this.#core.set(document.handle, write)) {
      // Moved to the end: a client that gets only the first frames has a clock that claims nothing of the rest.
      this.changed.delete(write.path);
      this.changed.set(write.path, write);
      this.applied++;
      return;
    }
    let loser = this.losers.get(origin.session);
    if (loser === undefined) {
      loser = { origin, paths: new Set(), clientId: operation.clientId };
      this.losers.set(origin.session, loser);
    }
    loser.paths.add(write.path);
    loser.clientId ??= operation.clientId;
  }

  /** @throws ProtocolError DOCUMENT_TOO_LARGE when the document may not grow by these operations. */
  check(operations: readonly SetOperation[]): void {
    if (operations.length === 0) return;
    const { maxFields, maxBytes } = this.#limits;
    const handle = this.#document.handle;
    if (this.#core.fieldCount(handle) + operations.length > maxFields) {
      const fresh = new Set<string>();
      for (const { field } of operations) if (this.#core.get(handle, field) === undefined) fresh.add(field);
      if (fresh.size > 0 && this.#core.fieldCount(handle) + fresh.size > maxFields) {
        throw new ProtocolError('DOCUMENT_TOO_LARGE', `a document has at most ${maxFields} fields`);
      }
    }
    let bytes = this.#core.byteSize(handle);
    for (const { field, value, deleted } of operations)
      bytes += deleted ? 0 : Buffer.byteLength(field) + Buffer.byteLength(value);
    if (bytes > maxBytes && operations.some(({ deleted }) => !deleted)) {
      throw new ProtocolError('DOCUMENT_TOO_LARGE', `a document has at most ${maxBytes} bytes`);
    }
  }
}
