import type { Logger } from 'pino';
import { CoreAbort, TextRefused, type FieldsStore, type TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../errors.js';
import type { ShardMetrics } from '../metrics/shard-metrics.js';
import { scanMessageId } from '../protocol/frame.js';
import { ObjectScan } from '../protocol/json-scan.js';
import { messageIdOf, type Message } from '../protocol/message.js';
import type { ShardStatus } from '../shards/answer.js';
import {
  readTask,
  recordKinds,
  type StateVectorRequest,
  type SubscribeRequest,
  type TaskGroup,
  type TaskRecord,
} from '../shards/task.js';
import type { Storage, StoredDocument, TextChange } from '../storage/port.js';
import { Committer, type PendingAck } from './committer.js';
import { Documents, type LoadedDocument, type LoadingDocument } from './documents.js';
import type { MergeLimits } from './merge.js';
import { Outbox } from './outbox.js';
import { answerStateVector, answerSubscribe, type ReadContext } from './reads.js';
import { StampClock } from './stamp.js';
import { compact, isScattered, takeChange } from './text-parts.js';
import { TaskTicket, type Ticket } from './ticket.js';
import { headOf, isWrite, Writes } from './writes.js';

export interface ShardOptions {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: ShardMetrics;
  /** Sends an answer to the acceptor that is not the result of a task. */
  readonly send: (answer: Uint8Array<ArrayBuffer>) => void;
  /** Stands for writers that name no client id. */
  readonly nodeId: string;
  readonly maxClockSkewMs: number;
  readonly limits: MergeLimits;
  readonly replayMaxFields: number;
  /** Bytes of changes waiting to be durable, above which writes are refused. */
  readonly maxPendingBytes: number;
  /** Bytes of documents in memory, above which idle ones are unloaded. */
  readonly maxLoadedBytes: number;
}

/** Documents asked of the storage at a time. */
const LOAD_BATCH = 64;
/** What waited for a document is answered in pieces of about this size: a thousand clients may have asked for it. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** One shard: the documents it owns, and what is done with the records that come for them. */
export class Shard {
  readonly #options: ShardOptions;
  readonly #clock: StampClock;
  readonly #documents: Documents;
  readonly #committer: Committer;
  readonly #outbox: Outbox;
  readonly #writes: Writes;
  /** Documents whose text lies in too many parts. */
  readonly #scattered = new Set<LoadedDocument>();
  /** From a load that failed to the next that succeeds. */
  #loadsFail = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#clock = new StampClock(options.maxClockSkewMs);
    this.#outbox = new Outbox(options.send, () => this.#status());
    this.#committer = new Committer({
      storage: options.storage,
      log: options.log,
      metrics: options.metrics,
      takeText: (document) => this.#takeText(document),
      compactText: () => this.#compactText(),
      acknowledge: (ack, refused) => {
        this.#acknowledge(ack, refused);
      },
      afterCommit: () => {
        this.#endTurn();
      },
    });
    this.#documents = new Documents({
      core: options.core,
      texts: options.texts,
      log: options.log,
      clock: this.#clock,
      metrics: options.metrics,
      maxBytes: options.maxLoadedBytes,
      isDirty: (document) => this.#committer.isDirty(document) || this.#scattered.has(document),
    });
    this.#writes = new Writes({
      ...options,
      clock: this.#clock,
      committer: this.#committer,
      outbox: this.#outbox,
      refuse: (record, documentId, error, message) => {
        this.#refuse(record, documentId, error, message);
      },
    });
  }

  /** Takes the records of a task and answers those of loaded documents; the rest is sent when it is known. */
  handle(task: number, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
    const started = performance.now();
    const tickets = new TaskTicket(task, this.#outbox);
    const missing: LoadingDocument[] = [];
    for (const group of readTask(bytes)) {
      const ticket = tickets.group(group.records.length);
      let slot = this.#documents.find(group.documentId);
      if (slot === undefined) missing.push((slot = this.#documents.expect(group.documentId)));
      if (slot.kind === 'loading') slot.waiting.push({ group, ticket });
      else this.#process(slot, group, ticket);
    }
    tickets.close();
    this.#tidy();
    for (let i = 0; i < missing.length; i += LOAD_BATCH) void this.#load(missing.slice(i, i + LOAD_BATCH));
    const answer = this.#outbox.take();
    this.#options.metrics.taskTime.observe((performance.now() - started) / 1_000);
    return answer;
  }

  /** Resolves when everything merged so far is durable. */
  async idle(): Promise<void> {
    await this.#committer.idle();
  }

  /** Loads announced documents with one request and does what waited for them; what throws then ends the worker. */
  async #load(slots: readonly LoadingDocument[]): Promise<void> {
    const started = performance.now();
    let stored: readonly StoredDocument[];
    try {
      stored = await this.#options.storage.load(slots.map((slot) => slot.id));
    } catch (error) {
      // One that can't be read must not take the others with it.
      if (slots.length > 1) for (const slot of slots) void this.#load([slot]);
      else for (const slot of slots) this.#giveUp(slot, error);
      return;
    }
    this.#options.metrics.loadTime.observe((performance.now() - started) / 1_000);
    this.#loadsFail = false;
    slots.forEach((slot, i) => {
      const found = stored[i];
      if (found === undefined) throw new Error('the storage answered with fewer documents than it was asked for');
      const document = this.#fill(slot, found);
      if (document === undefined) return;
      for (const { group, ticket } of slot.waiting) {
        this.#process(document, group, ticket);
        if (this.#outbox.length >= MAX_ANSWER_BYTES) this.#outbox.flush();
      }
    });
    this.#endTurn();
  }

  #fill(slot: LoadingDocument, stored: StoredDocument): LoadedDocument | undefined {
    try {
      return this.#documents.fill(slot, stored);
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      this.#giveUp(slot, error);
      return undefined;
    }
  }

  #giveUp(slot: LoadingDocument, error: unknown): void {
    // While the storage is away that is true of every document that anybody asks for.
    const level = this.#loadsFail && !(error instanceof TextRefused) ? 'debug' : 'error';
    this.#options.log[level]({ err: error, documentId: slot.id }, 'a document could not be loaded');
    this.#loadsFail = true;
    this.#documents.giveUp(slot);
    this.#options.metrics.loadFailures.add(1);
    for (const { group, ticket } of slot.waiting) {
      for (const record of group.records) {
        this.#refuse(record, slot.id, new ProtocolError('STORAGE_UNAVAILABLE'), undefined);
        ticket.close();
      }
    }
    this.#endTurn();
  }

  /** Merges the writes of a group, and answers the reads from the state after it. */
  #process(document: LoadedDocument, group: TaskGroup, ticket: Ticket): void {
    if (this.#writes.process(document, group, ticket)) this.#documents.measure(document);
    for (const record of group.records) {
      if (!isWrite(record)) this.#read(document, record, ticket);
    }
  }

  #read(document: LoadedDocument, record: TaskRecord, ticket: Ticket): void {
    const context: ReadContext = {
      outbox: this.#outbox,
      core: this.#options.core,
      texts: this.#options.texts,
      document,
      nextStamp: () => this.#writes.nextStamp(document),
      cause: record.received,
      replayMaxFields: this.#options.replayMaxFields,
    };
    // Written by the acceptor, not by a client.
    const request = JSON.parse(record.payload.toString()) as SubscribeRequest & StateVectorRequest;
    if (record.kind === recordKinds.subscribe) answerSubscribe(context, record.origin, request);
    else answerStateVector(context, record.origin, request);
    ticket.close();
  }

  /** Answers a record with an error; what is not the client's fault is logged and, if the core is broken, rethrown. */
  #refuse(record: TaskRecord, documentId: string, error: unknown, message: Message | undefined): void {
    if (error instanceof CoreAbort) throw error;
    const messageId = message === undefined ? requestIdOf(record) : messageIdOf(message.fields);
    const details = { documentId, messageId };
    const kind = isWrite(record) ? 'reply' : 'lastOfRead';
    this.#options.metrics.errors(error instanceof ProtocolError ? error.code : 'INTERNAL').add(1);
    if (error instanceof ProtocolError) {
      this.#outbox.error(record.origin, error.code, details, error.message, kind, record.received);
      return;
    }
    this.#options.log.error({ err: error, documentId }, 'a record could not be handled');
    this.#outbox.error(record.origin, 'INTERNAL', details, undefined, kind, record.received);
  }

  #acknowledge(ack: PendingAck, refused: string | undefined): void {
    const { origin, messageId, documentId } = ack;
    if (refused !== undefined) {
      this.#options.metrics.errors('INVALID_DELTA').add(1);
      this.#outbox.error(origin, 'INVALID_DELTA', { documentId, messageId }, `Invalid delta message: ${refused}`);
    } else if (messageId !== undefined) {
      this.#outbox.ack(origin, messageId, ack.received);
    }
    ack.ticket.close();
  }

  /** What of a text is written next; one in too many parts is noted for a quiet moment. */
  #takeText(document: LoadedDocument): TextChange {
    const { text } = document;
    if (text === undefined) throw new Error('a document without text was to be written with one');
    const change = takeChange(this.#options.texts, text, Date.now());
    this.#countParts(change);
    if (isScattered(text)) this.#scattered.add(document);
    else this.#scattered.delete(document);
    return change;
  }

  /** A text whose parts are to be joined now that nothing else is to be written. */
  #compactText(): { document: LoadedDocument; change: TextChange } | undefined {
    for (const document of this.#scattered) {
      this.#scattered.delete(document);
      if (document.text === undefined || !isScattered(document.text)) continue;
      const change = compact(this.#options.texts, document.text, Date.now());
      this.#countParts(change);
      return { document, change };
    }
    return undefined;
  }

  #countParts({ append, replaces }: TextChange): void {
    const { metrics } = this.#options;
    metrics.textBytesWritten.add(append.reduce((sum, { bytes }) => sum + bytes.length, 0));
    if (replaces.length > 0) metrics.textCompactions.add(1);
  }

  #endTurn(): void {
    this.#tidy();
    this.#outbox.flush();
  }

  #tidy(): void {
    this.#committer.kick();
    this.#documents.trim();
  }

  #status(): ShardStatus {
    return {
      storageHealthy: this.#committer.healthy,
      documents: this.#documents.count,
      bytes: this.#documents.bytes,
      pendingBytes: this.#committer.pendingBytes,
    };
  }
}

/** The id that a record's sender waits for, as far as it can be read; for errors only. */
function requestIdOf(record: TaskRecord): string | undefined {
  if (isWrite(record)) return scanMessageId(record.payload, headOf(record), new ObjectScan());
  return (JSON.parse(record.payload.toString()) as SubscribeRequest | StateVectorRequest).requestId;
}
