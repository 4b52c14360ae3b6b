import type { Logger } from 'pino';
import type { FieldsStore } from '@synckit/core-wasm';
import { CoreAbort } from '@synckit/core-wasm';
import { ProtocolError } from '../errors.js';
import type { ShardMetrics } from '../metrics/shard-metrics.js';
import { scanMessageId, type FrameHead } from '../protocol/frame.js';
import { ObjectScan } from '../protocol/json-scan.js';
import { messageIdOf, parseMessage, type Message } from '../protocol/message.js';
import { parseOperations, type SetOperation } from '../protocol/operations.js';
import type { ShardStatus } from '../shards/answer.js';
import {
  readTask,
  recordKinds,
  type StateVectorRequest,
  type SubscribeRequest,
  type TaskGroup,
  type TaskRecord,
} from '../shards/task.js';
import type { Storage, StoredDocument } from '../storage/port.js';
import { Committer, type PendingAck } from './committer.js';
import { Documents, type LoadedDocument, type LoadingDocument } from './documents.js';
import { answerLosers, publishChanges } from './frames.js';
import { Merge, type MergeLimits } from './merge.js';
import { Outbox } from './outbox.js';
import { answerStateVector, answerSubscribe, type ReadContext } from './reads.js';
import { StampClock } from './stamp.js';
import { TaskTicket, type Ticket } from './ticket.js';

export interface ShardOptions {
  readonly core: FieldsStore;
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

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#clock = new StampClock(options.maxClockSkewMs);
    this.#outbox = new Outbox(options.send, () => this.#status());
    this.#committer = new Committer({
      storage: options.storage,
      log: options.log,
      metrics: options.metrics,
      acknowledge: (ack, refused) => {
        this.#acknowledge(ack, refused);
      },
      afterCommit: () => {
        this.#endTurn();
      },
    });
    this.#documents = new Documents({
      core: options.core,
      clock: this.#clock,
      metrics: options.metrics,
      maxBytes: options.maxLoadedBytes,
      isDirty: (document) => this.#committer.isDirty(document),
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
    slots.forEach((slot, i) => {
      const found = stored[i];
      if (found === undefined) throw new Error('the storage answered with fewer documents than it was asked for');
      const document = this.#documents.fill(slot, found);
      for (const { group, ticket } of slot.waiting) {
        this.#process(document, group, ticket);
        if (this.#outbox.length >= MAX_ANSWER_BYTES) this.#outbox.flush();
      }
    });
    this.#endTurn();
  }

  #giveUp(slot: LoadingDocument, error: unknown): void {
    this.#options.log.error({ err: error, documentId: slot.id }, 'a document could not be loaded');
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

  /** Merges the writes of a group, publishes what changed, and answers the reads from the state after it. */
  #process(document: LoadedDocument, group: TaskGroup, ticket: Ticket): void {
    const { core, limits, nodeId } = this.#options;
    const merge = new Merge(core, this.#clock, limits, nodeId, document);
    const acks: PendingAck[] = [];
    const started = performance.now();
    for (const record of group.records) {
      if (!isWrite(record)) continue;
      const ack = this.#write(document, merge, record, ticket);
      if (ack !== undefined) acks.push(ack);
    }
    for (const write of merge.changed.values()) this.#committer.write(document, write);
    for (const ack of acks) this.#committer.owe(ack);
    publishChanges(this.#outbox, document, merge.changed, group.variants, acks[0]?.received ?? 0);
    if (merge.losers.size > 0) {
      answerLosers(this.#outbox, core, document, merge.losers.values(), this.#nextStamp(document));
    }
    if (merge.changed.size > 0) this.#documents.measure(document);
    if (acks.length > 0) this.#count(merge, acks.length, performance.now() - started);
    for (const record of group.records) {
      if (!isWrite(record)) this.#read(document, record, ticket);
    }
  }

  #count(merge: Merge, messages: number, tookMs: number): void {
    const { metrics } = this.#options;
    metrics.mergeTime.observe(tookMs / 1_000);
    metrics.deltas.add(messages);
    metrics.operationsPerFlush.observe(merge.operations);
    metrics.fieldsApplied.add(merge.applied);
    metrics.fieldsLost.add(merge.operations - merge.applied);
  }

  /** Merges the writes of a record; returns the ack that is owed then, or nothing when it was refused. */
  #write(document: LoadedDocument, merge: Merge, record: TaskRecord, ticket: Ticket): PendingAck | undefined {
    let message: Message | undefined;
    let operations: SetOperation[];
    try {
      message = parseMessage(record.payload, headOf(record));
      operations = parseOperations(message, document.id);
      if (this.#committer.pendingBytes > this.#options.maxPendingBytes) throw new ProtocolError('STORAGE_UNAVAILABLE');
      merge.apply(operations, record.origin, this.#outbox.now);
    } catch (error) {
      this.#refuse(record, document.id, error, message);
      ticket.close();
      return undefined;
    }
    const messageId = messageIdOf(message.fields);
    const fields = operations.map(({ field }) => field);
    return { origin: record.origin, messageId, documentId: document.id, fields, received: record.received, ticket };
  }

  #read(document: LoadedDocument, record: TaskRecord, ticket: Ticket): void {
    const context: ReadContext = {
      outbox: this.#outbox,
      core: this.#options.core,
      document,
      nextStamp: () => this.#nextStamp(document),
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
      this.#outbox.error(record.origin, error.code, details, error.message, kind);
      return;
    }
    this.#options.log.error({ err: error, documentId }, 'a record could not be handled');
    this.#outbox.error(record.origin, 'INTERNAL', details, undefined, kind);
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

  #nextStamp(document: LoadedDocument): number {
    document.stamp = this.#clock.next(document.stamp, 0, this.#outbox.now);
    return document.stamp;
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

function isWrite(record: TaskRecord): boolean {
  return record.kind === recordKinds.delta || record.kind === recordKinds.deltaBatch;
}

/** The head of the frame that a write came in. */
function headOf({ kind, form, timestamp, payload }: TaskRecord): FrameHead {
  const type = kind === recordKinds.deltaBatch ? 'delta_batch' : 'delta';
  return { kind: 'frame', type, form, timestamp, start: 0, end: payload.length };
}

/** The id that a record's sender waits for, as far as it can be read; for errors only. */
function requestIdOf(record: TaskRecord): string | undefined {
  if (isWrite(record)) return scanMessageId(record.payload, headOf(record), new ObjectScan());
  return (JSON.parse(record.payload.toString()) as SubscribeRequest | StateVectorRequest).requestId;
}
