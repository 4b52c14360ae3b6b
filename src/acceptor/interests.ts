import { recordKinds } from '../messages/task.js';
import type { Coalescer } from './coalescer.js';
import type { Topics } from './topics.js';

export interface InterestsOptions {
  readonly topics: Pick<Topics, 'size' | 'documents'>;
  readonly coalescer: Pick<Coalescer, 'add'>;
  readonly indexOf: (documentId: string) => number;
}

/** Documents looked at in one turn of the event loop. */
const PORTION = 500;

/**
 * Tells the shards which documents have subscribers, so that a node of a cluster knows what to listen to. Which ones
 * they are is read when the record is sent, so whatever changes before is told as it is then.
 */
export class Interests {
  readonly #options: InterestsOptions;
  /** What is left to look at of the last telling of a shard. */
  readonly #telling = new Map<number, Iterator<string>>();

  constructor(options: InterestsOptions) {
    this.#options = options;
  }

  /** The subscribers of a document are other ones than before. */
  changed(documentId: string): void {
    this.#tell(documentId, false);
  }

  /** A shard has a new worker, which knows nothing. It is told a portion each turn: there may be very many documents. */
  tellAll(shard: number): void {
    const { topics } = this.#options;
    // Goes on over what comes and goes meanwhile. What comes is behind the others, and told by `changed`; that it may be
    // told here too costs a frame that says nothing new.
    const documents = topics.documents()[Symbol.iterator]();
    this.#telling.set(shard, documents);
    this.#tellPortion(shard, documents, topics.size);
  }

  /** Tells no more. */
  stop(): void {
    this.#telling.clear();
  }

  /** @param left Documents to look at, at most. */
  #tellPortion(shard: number, documents: Iterator<string>, left: number): void {
    // Stopped, or begun anew for yet another worker.
    if (this.#telling.get(shard) !== documents) return;
    for (let i = 0; i < Math.min(left, PORTION); i++) {
      const next = documents.next();
      if (next.done === true) break;
      if (this.#options.indexOf(next.value) === shard) this.#tell(next.value, true);
    }
    if (left <= PORTION) {
      this.#telling.delete(shard);
      return;
    }
    setImmediate(() => {
      this.#tellPortion(shard, documents, left - PORTION);
    });
  }

  /** @param isOld Whether its subscribers were there before the worker. */
  #tell(documentId: string, isOld: boolean): void {
    this.#options.coalescer.add(documentId, { kind: recordKinds.interest, isOld }, true);
  }
}
