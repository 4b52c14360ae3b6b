import type { ReadRecord } from '../../messages/task.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { OpenGroup } from '../open-task.js';
import type { Outbox } from '../outbox.js';

export interface ReadQueueOptions {
  readonly outbox: Pick<Outbox, 'length'>;
  /** Answers a read from the state of now. */
  readonly answer: (document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup) => void;
  /** Called at the end of a turn that the queue has taken by itself. */
  readonly endTurn: () => void;
}

interface QueuedRead {
  readonly record: ReadRecord;
  readonly openGroup: OpenGroup;
}

/** Time after which a turn of reads ends with the read that it is at, in ms. */
const TURN_MS = 4;
/** Bytes of answers after which it ends. */
const TURN_BYTES = 1024 * 1024;

/**
 * The reads of a shard, a queue for each document. They are answered in turns of bounded time, a read of each document in
 * its turn, and between the turns the shard does what else has come: writes do not wait for the readers of another
 * document, nor for more than one answer of their own.
 */
export class ReadQueue {
  readonly #options: ReadQueueOptions;
  /** In the order of their turns. */
  readonly #waiting = new Map<LoadedDocument, QueuedRead[]>();
  #isScheduled = false;

  constructor(options: ReadQueueOptions) {
    this.#options = options;
  }

  /** Whether a read of the document waits, which keeps it in memory. */
  has(document: LoadedDocument): boolean {
    return this.#waiting.has(document);
  }

  add(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup): void {
    const queue = this.#waiting.get(document);
    if (queue === undefined) this.#waiting.set(document, [{ record, openGroup }]);
    else queue.push({ record, openGroup });
  }

  /** Answers what fits into this turn, unless later turns have more to do already. */
  takeTurn(): void {
    if (!this.#isScheduled) this.#answerSome();
  }

  #answerSome(): void {
    const { outbox, answer } = this.#options;
    // What is answered may let others wait, and they are answered in this turn or a later one.
    this.#isScheduled = true;
    const end = performance.now() + TURN_MS;
    for (const [document, queue] of this.#waiting) {
      const next = queue.shift();
      this.#waiting.delete(document);
      // Behind the others.
      if (queue.length > 0) this.#waiting.set(document, queue);
      if (next !== undefined) answer(document, next.record, next.openGroup);
      if (outbox.length >= TURN_BYTES || performance.now() >= end) break;
    }
    this.#isScheduled = this.#waiting.size > 0;
    if (!this.#isScheduled) return;
    setImmediate(() => {
      this.#answerSome();
      this.#options.endTurn();
    });
  }
}
