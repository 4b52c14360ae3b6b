import { Cadence } from '../cadence.js';
import type { Histogram } from '../metrics/cells.js';
import {
  isRead,
  isWrite,
  recordKinds,
  recordSize,
  TaskWriter,
  type TaskRecord,
  type WriteRecord,
} from '../messages/task.js';
import { Windows, type Windowed } from './windows.js';

/** The shards as the coalescer sees them. */
export interface ShardPort {
  indexOf(documentId: string): number;
  /** Whether a task given to this shard now would be sent at once. */
  ready(index: number): boolean;
  submit(index: number, task: Uint8Array<ArrayBuffer>): void;
  /** Bytes of tasks that were submitted and are not settled. */
  retainedBytes(): number;
}

export interface CoalescerOptions {
  readonly shards: ShardPort;
  readonly shardCount: number;
  /** Records of one document at which it is flushed before its window ends. */
  readonly batchSize: number;
  /** Longest time between two flushes of a document, in ms. */
  readonly batchDelayMs: number;
  /**
   * A document is flushed with writes.
   *
   * @param now Milliseconds of the monotonic clock.
   * @returns Milliseconds until its next flush; at most `batchDelayMs` counts.
   */
  readonly flushed: (documentId: string, now: number) => number;
  /** Milliseconds between two tasks with writes for one shard, at most `batchDelayMs`: what is due meanwhile is gathered. */
  readonly gatherMs: number;
  /** Bytes of records that may wait here and in the shards together. */
  readonly maxQueuedBytes: number;
  /** Which variants of a document have subscribers now, as bits. */
  readonly variantsOf: (documentId: string) => number;
  /** Whether a session, given by its number, is the only subscriber of a document. */
  readonly isOnlySubscriber: (session: number, documentId: string) => boolean;
  /** How long the oldest write of a flush waited, in seconds. */
  readonly waits: Histogram;
  /** The windows that are given, in seconds. */
  readonly windows: Histogram;
  /** Called for each write that is queued. */
  readonly onWrite?: ((documentId: string) => void) | undefined;
}

/** A document with waiting records, or whose window since the last flush is still open. */
interface Pending extends Windowed {
  readonly id: string;
  readonly shard: number;
  readonly records: TaskRecord[];
  /** In the queue of its shard. */
  due: boolean;
}

/** Approximate size at which a task is cut, so that the answer for one document does not wait for a thousand others. */
const MAX_TASK_BYTES = 1024 * 1024;
/** Reads are small but their answers are not: those for a thousand reconnecting clients must not be one answer. */
const MAX_TASK_READS = 16;

/**
 * Collects the records of each document until they are due: at once when the document was idle, after that at most once
 * per window, whose length follows what its flushes cost. What is due leaves as one task per shard. While a shard is busy
 * more records collect, so batches grow with the load. Every step costs O(1) per record.
 */
export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #pending = new Map<string, Pending>();
  /** Documents that are due, by shard, in the order in which they became due. */
  readonly #due: Set<Pending>[];
  /** By shard: how often a document became due, and how often one was submitted. Both follow the same order. */
  readonly #madeDue: number[];
  readonly #given: number[];
  /** By shard. */
  readonly #cadences: Cadence[];
  readonly #windows: Windows<Pending>;
  readonly #writer = new TaskWriter();
  /** Calls of `handedOver` that wait, in their order. */
  readonly #handovers: { readonly isGiven: () => boolean; readonly resolve: () => void }[] = [];
  #queuedBytes = 0;
  #pumpScheduled = false;

  constructor(options: CoalescerOptions) {
    this.#options = options;
    this.#due = Array.from({ length: options.shardCount }, () => new Set());
    this.#madeDue = this.#due.map(() => 0);
    this.#given = this.#due.map(() => 0);
    const gatherMs = Math.min(options.gatherMs, options.batchDelayMs);
    const pumpOf = (shard: number) => () => {
      this.pump(shard);
    };
    this.#cadences = this.#due.map((_, shard) => new Cadence(gatherMs, pumpOf(shard)));
    this.#windows = new Windows(options.batchDelayMs, (pending) => {
      this.#windowEnded(pending);
    });
  }

  /** Bytes of records that wait here. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Queues a record.
   *
   * @param urgent For reads: the document is flushed without waiting for its window, earlier writes included. An urgent
   * record is never refused: it is small, and each session has few of them in progress.
   * @returns False when the record was refused, because too many bytes wait already.
   */
  add(documentId: string, record: TaskRecord, urgent: boolean): boolean {
    const size = recordSize(record);
    const { shards, maxQueuedBytes, batchSize } = this.#options;
    if (!urgent && this.#queuedBytes + shards.retainedBytes() + size > maxQueuedBytes) return false;
    let pending = this.#pending.get(documentId);
    if (pending === undefined) {
      pending = {
        id: documentId,
        shard: shards.indexOf(documentId),
        records: [],
        due: false,
        lane: undefined,
        windowEnd: 0,
      };
      this.#pending.set(documentId, pending);
    }
    if (isRedundant(record, pending.records.at(-1))) return true;
    if (isWrite(record)) this.#options.onWrite?.(documentId);
    pending.records.push(record);
    this.#queuedBytes += size;
    if (!pending.due && (urgent || pending.records.length >= batchSize || pending.lane === undefined)) {
      this.#makeDue(pending);
    }
    return true;
  }

  /**
   * Makes everything due, whatever its window.
   *
   * @returns A function: whether everything that waited at the time of this call has been submitted.
   */
  flushAll(): () => boolean {
    for (const pending of this.#windows) if (!pending.due && pending.records.length > 0) this.#makeDue(pending);
    const isGiven = this.#dueNow();
    for (const cadence of this.#cadences) cadence.skip();
    this.#pumpAll();
    return isGiven;
  }

  /** Resolves when everything that is due at the time of the call has been submitted. */
  async handedOver(): Promise<void> {
    const isGiven = this.#dueNow();
    if (!isGiven()) await new Promise<void>((resolve) => this.#handovers.push({ isGiven, resolve }));
  }

  /** Submits what is due to a shard, as long as the shard is ready, unless more is to be gathered first. */
  pump(shard: number): void {
    const due = this.#due[shard];
    const cadence = this.#cadences[shard];
    if (due === undefined || cadence === undefined) return;
    const { shards } = this.#options;
    while (due.size > 0 && shards.ready(shard) && cadence.isOpen()) {
      const now = performance.now();
      let readsLeft = MAX_TASK_READS;
      let hasWrites = false;
      for (const pending of due) {
        due.delete(pending);
        this.#given[shard] = (this.#given[shard] ?? 0) + 1;
        const { reads, firstWrite } = this.#flush(pending, now, readsLeft);
        readsLeft -= reads;
        hasWrites ||= firstWrite !== undefined;
        if (readsLeft <= 0 || this.#writer.length >= MAX_TASK_BYTES) break;
      }
      // What is cut off, or comes behind reads, has nothing to wait for.
      if (hasWrites && due.size === 0) cadence.begin();
      shards.submit(shard, this.#writer.finish());
    }
    while (this.#handovers[0]?.isGiven() === true) this.#handovers.shift()?.resolve();
  }

  /** Stops the timer; nothing may be added afterwards. */
  stop(): void {
    this.#windows.stop();
    for (const cadence of this.#cadences) cadence.skip();
  }

  /** @returns A function: whether everything that is due now has been submitted. */
  #dueNow(): () => boolean {
    const marks = [...this.#madeDue];
    return () => marks.every((mark, shard) => (this.#given[shard] ?? 0) >= mark);
  }

  #makeDue(pending: Pending): void {
    pending.due = true;
    this.#due[pending.shard]?.add(pending);
    this.#madeDue[pending.shard] = (this.#madeDue[pending.shard] ?? 0) + 1;
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    // After everything else that arrives in this turn of the event loop.
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pumpAll();
    });
  }

  #pumpAll(): void {
    for (let shard = 0; shard < this.#due.length; shard++) this.pump(shard);
  }

  /** Adds the records of a document to the task, with at most `maxReads` reads. */
  #flush(pending: Pending, now: number, maxReads: number): Portion {
    const portion = portionOf(pending.records, maxReads);
    const { count, firstWrite } = portion;
    const records = pending.records.splice(0, count);
    this.#writer.group({
      documentId: pending.id,
      variants: this.#options.variantsOf(pending.id),
      writerOnly: this.#isWriterOnly(pending.id, firstWrite, records),
      records,
    });
    for (const record of records) this.#queuedBytes -= recordSize(record);
    pending.due = false;
    const left = pending.records.length > 0;
    if (left) this.#makeDue(pending);
    // Reads publish nothing, so they open no window.
    if (firstWrite !== undefined) {
      this.#options.waits.observe((now - firstWrite.receivedAt) / 1_000);
      this.#openWindow(pending, now);
    } else if (!left && pending.lane === undefined) {
      this.#pending.delete(pending.id);
    }
    return portion;
  }

  #isWriterOnly(documentId: string, firstWrite: WriteRecord | undefined, records: readonly TaskRecord[]): boolean {
    if (firstWrite === undefined) return false;
    const { session } = firstWrite.origin;
    if (!this.#options.isOnlySubscriber(session, documentId)) return false;
    return records.every((record) => !isWrite(record) || record.origin.session === session);
  }

  #openWindow(pending: Pending, now: number): void {
    const { flushed, windows } = this.#options;
    const given = this.#windows.open(pending, now, flushed(pending.id, now));
    windows.observe(given / 1_000);
    if (given === 0 && !pending.due) this.#pending.delete(pending.id);
  }

  #windowEnded(pending: Pending): void {
    if (pending.due) return;
    if (pending.records.length > 0) this.#makeDue(pending);
    else this.#pending.delete(pending.id);
  }
}

/** What of the records of a document goes into one task. */
interface Portion {
  readonly count: number;
  readonly reads: number;
  readonly firstWrite: WriteRecord | undefined;
}

/** An interest record carries the subscribers as of its flush, so a second one in the same flush adds nothing. */
function isRedundant(record: TaskRecord, last: TaskRecord | undefined): boolean {
  const { interest } = recordKinds;
  return record.kind === interest && last?.kind === interest && (last.isOld || !record.isOld);
}

/** The longest prefix of the records with at most `maxReads` reads. */
function portionOf(records: readonly TaskRecord[], maxReads: number): Portion {
  let count = 0;
  let reads = 0;
  let firstWrite: WriteRecord | undefined;
  for (const record of records) {
    if (isRead(record)) {
      if (reads === maxReads) break;
      reads++;
    } else if (isWrite(record)) {
      firstWrite ??= record;
    }
    count++;
  }
  return { count, reads, firstWrite };
}
