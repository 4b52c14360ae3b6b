import { ProtocolError } from '../../errors.js';
import type { DocumentRead } from '../../messages/document-request.js';
import {
  recordKinds,
  type ReadRecord,
  type StateVectorRequest,
  type SubscribeRequest,
  type TaskGroup,
} from '../../messages/task.js';
import type { PublishGate } from '../commit/publish-gate.js';
import type { LoadedDocument } from '../documents/documents.js';
import { answerDocument } from '../http/answer-document.js';
import type { DocumentTags } from '../http/document-tags.js';
import type { OpenGroup } from '../open-task.js';
import type { Outbox } from '../outbox.js';
import type { ShardOptions } from '../shard-options.js';
import type { StoredDocument } from '../../storage/port.js';
import { knowsMore } from '../resume/unseen.js';
import { answerStateVector, answerSubscribe, type ReadContext } from './answers.js';
import { CatchUps } from './catch-ups.js';
import { ReadQueue } from './read-queue.js';
import { Snapshots } from './snapshots.js';

export interface DocumentReadsOptions extends Pick<
  ShardOptions,
  'core' | 'texts' | 'metrics' | 'replayMaxFields' | 'maxSnapshotBytes' | 'storage' | 'log'
> {
  readonly outbox: Outbox;
  readonly tags: DocumentTags;
  /** Gives a document a fresh L, above what the client has seen. */
  readonly nextStamp: (document: LoadedDocument, seen?: number) => number;
  readonly isDirty: (document: LoadedDocument) => boolean;
  /** Where a read waits that must not see what is not durable yet. */
  readonly gate: Pick<PublishGate, 'mustWait' | 'wait'>;
  /** Merges what is stored, and publishes what that changes. */
  readonly mergeStored: (document: LoadedDocument, stored: StoredDocument) => void;
  /** Answers a read of a document that can't be loaded. */
  readonly refuse: (record: ReadRecord, documentId: string) => void;
  /** Does what waited for a document that has ended meanwhile. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
  /** Called at the end of a turn of the event loop in which reads were answered. */
  readonly endTurn: () => void;
}

/** Answers the reads of a shard, in turns of bounded time. */
export class DocumentReads {
  readonly #options: DocumentReadsOptions;
  readonly #queue: ReadQueue;
  readonly #snapshots: Snapshots;
  readonly #catchUps: CatchUps;

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
    this.#catchUps = new CatchUps({
      ...options,
      merge: options.mergeStored,
      answer: (document, record, openGroup) => {
        this.#answerNow(document, record, openGroup);
      },
      refuse: (document, record, openGroup) => {
        options.refuse(record, document.id);
        openGroup.settleRecord();
      },
    });
  }

  /** Whether a read of the document waits, which keeps it in memory. */
  has(document: LoadedDocument): boolean {
    return this.#queue.has(document) || this.#catchUps.has(document);
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
    if (!this.#waitsForGate(document, record, openGroup)) {
      const request = requestOf(record);
      if (knowsMore(document, request.vector)) this.#catchUps.add(document, record, openGroup);
      else this.#answerNow(document, record, openGroup, request);
    }
  }

  #waitsForGate(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup): boolean {
    const { gate } = this.#options;
    if (!gate.mustWait(document, true)) return false;
    gate.wait(document, groupOf(document, record), openGroup);
    return true;
  }

  #answerNow(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup, request = requestOf(record)): void {
    const { outbox, nextStamp, isDirty } = this.#options;
    if (document.isEnded) {
      this.#options.process(document, groupOf(document, record), openGroup);
      return;
    }
    outbox.release(document.id);
    if (record.kind === recordKinds.httpRead) {
      this.#answerHttp(document, record);
      openGroup.settleRecord();
      return;
    }
    const context: ReadContext = {
      ...this.#options,
      snapshots: this.#snapshots,
      document,
      nextStamp: (seen) => nextStamp(document, seen),
      isDirty: isDirty(document),
    };
    let isSent = true;
    if (record.kind === recordKinds.subscribe) isSent = answerSubscribe(context, record, request);
    else answerStateVector(context, record, request);
    if (isSent) document.sends.read(record.origin.session, document.stamp);
    openGroup.settleRecord();
  }

  #answerHttp(document: LoadedDocument, record: ReadRecord): void {
    const { outbox, metrics } = this.#options;
    const request = JSON.parse(record.payload.toString()) as DocumentRead;
    try {
      answerDocument({ ...this.#options, snapshots: this.#snapshots, document }, record, request);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      metrics.errors(error.code).add(1);
      outbox.readError(record, error.code, { documentId: document.id }, error.message);
    }
  }
}

function groupOf({ id }: LoadedDocument, record: ReadRecord): TaskGroup {
  return { documentId: id, variants: 0, writerOnly: false, records: [record] };
}

/** Written by the acceptor, not by a client. */
function requestOf(record: ReadRecord): SubscribeRequest & StateVectorRequest {
  return JSON.parse(record.payload.toString()) as SubscribeRequest & StateVectorRequest;
}
