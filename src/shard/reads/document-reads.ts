import { recordKinds, type ReadRecord, type StateVectorRequest, type SubscribeRequest } from '../../messages/task.js';
import type { PublishGate } from '../commit/publish-gate.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { OpenGroup } from '../open-task.js';
import type { Outbox } from '../outbox.js';
import type { ShardOptions } from '../shard-options.js';
import { answerStateVector, answerSubscribe, type ReadContext } from './answers.js';
import { ReadQueue } from './read-queue.js';
import { Snapshots } from './snapshots.js';

export interface DocumentReadsOptions extends Pick<
  ShardOptions,
  'core' | 'texts' | 'metrics' | 'replayMaxFields' | 'maxSnapshotBytes'
> {
  readonly outbox: Outbox;
  /** Gives a document a fresh L, above what the client has seen. */
  readonly nextStamp: (document: LoadedDocument, seen?: number) => number;
  readonly isDirty: (document: LoadedDocument) => boolean;
  /** Where a read waits that must not see what is not durable yet. */
  readonly gate: Pick<PublishGate, 'mustWait' | 'wait'>;
  /** Called at the end of a turn of the event loop in which reads were answered. */
  readonly endTurn: () => void;
}

/** Answers the reads of a shard, in turns of bounded time. */
export class DocumentReads {
  readonly #options: DocumentReadsOptions;
  readonly #queue: ReadQueue;
  readonly #snapshots: Snapshots;

  constructor(options: DocumentReadsOptions) {
    this.#options = options;
    this.#snapshots = new Snapshots(options);
    this.#queue = new ReadQueue({
      outbox: options.outbox,
      answer: (document, record, openGroup) => {
        this.#answer(document, record, openGroup);
      },
      endTurn: options.endTurn,
    });
  }

  /** Whether a read of the document waits, which keeps it in memory. */
  has(document: LoadedDocument): boolean {
    return this.#queue.has(document);
  }

  /** Answers a read in this turn or a later one, from the state that the document has then. */
  add(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup): void {
    this.#queue.add(document, record, openGroup);
  }

  /** Answers what fits into this turn, unless later turns have more to do already. */
  takeTurn(): void {
    this.#queue.takeTurn();
  }

  /** The document is unloaded. */
  forget(document: LoadedDocument): void {
    this.#snapshots.forget(document);
  }

  close(): void {
    this.#snapshots.close();
  }

  #answer(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup): void {
    const { outbox, nextStamp, isDirty, gate } = this.#options;
    if (gate.mustWait(document, true)) {
      gate.wait(document, { documentId: document.id, variants: 0, writerOnly: false, records: [record] }, openGroup);
      return;
    }
    outbox.release(document.id);
    const context: ReadContext = {
      ...this.#options,
      snapshots: this.#snapshots,
      document,
      nextStamp: (seen) => nextStamp(document, seen),
      isDirty: isDirty(document),
    };
    // Written by the acceptor, not by a client.
    const request = JSON.parse(record.payload.toString()) as SubscribeRequest & StateVectorRequest;
    let isSent = true;
    if (record.kind === recordKinds.subscribe) isSent = answerSubscribe(context, record, request);
    else answerStateVector(context, record, request);
    if (isSent) document.sends.read(record.origin.session, document.stamp);
    openGroup.settleRecord();
  }
}
