import { recordKinds } from '../../messages/task.js';
import type { Coalescer } from '../coalescer.js';
import type { Topics } from './topics.js';

export interface InterestsOptions {
  readonly topics: Pick<Topics, 'size' | 'documents'>;
  readonly coalescer: Pick<Coalescer, 'add'>;
  readonly indexOf: (documentId: string) => number;
}

/** Documents looked at in one turn of the event loop. */
const PORTION = 500;

/**
 * Sends the shards which documents have subscribers, so that each can subscribe to them on the bus. The coalescer reads
 * the subscribers when it flushes a record, so the shard gets their state at that time.
 */
export class Interests {
  readonly #options: InterestsOptions;
  /** By shard: the documents that `sendAll` has still to look at. */
  readonly #pending = new Map<number, Iterator<string>>();

  constructor(options: InterestsOptions) {
    this.#options = options;
  }

  /** The variants of a document that have subscribers have changed. */
  changed(documentId: string): void {
    this.#send(documentId, false);
  }

  /**
   * Sends a shard with a new worker all documents that have subscribers, a portion in each turn of the event loop, as
   * there may be very many.
   */
  sendAll(shard: number): void {
    const { topics } = this.#options;
    // A Map's iterator tolerates changes meanwhile. Documents that are added come last, and were sent by `changed`
    // already; sending them twice does no harm.
    const documents = topics.documents()[Symbol.iterator]();
    this.#pending.set(shard, documents);
    this.#sendPortion(shard, documents, topics.size);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#pending.clear();
  }

  /** @param left Documents to look at, at most. */
  #sendPortion(shard: number, documents: Iterator<string>, left: number): void {
    // Stopped, or started again for another worker.
    if (this.#pending.get(shard) !== documents) return;
    for (let i = 0; i < Math.min(left, PORTION); i++) {
      const next = documents.next();
      if (next.done === true) break;
      if (this.#options.indexOf(next.value) === shard) this.#send(next.value, true);
    }
    if (left <= PORTION) {
      this.#pending.delete(shard);
      return;
    }
    setImmediate(() => {
      this.#sendPortion(shard, documents, left - PORTION);
    });
  }

  /** @param isOld Whether its subscribers were there before the worker. */
  #send(documentId: string, isOld: boolean): void {
    this.#options.coalescer.add(documentId, { kind: recordKinds.interest, isOld }, true);
  }
}
