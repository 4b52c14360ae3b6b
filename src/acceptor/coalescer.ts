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

/** The shards as the coalescer sees them. */
export interface ShardPort {
  indexOf(documentId: string): number;
  /** Whether a task given to this shard now would be sent at once. */
  ready(index: number): boolean;
  submit(index: number, task: Uint8Array<ArrayBuffer>): void;
  /** Bytes of tasks that the shards were given and that are not settled. */
  retainedBytes(): number;
}

export interface CoalescerOptions {
  readonly shards: ShardPort;
  readonly shardCount: number;
  /** Records of one document that are sent without waiting for the end of its window. */
  readonly batchSize: number;
  /** Milliseconds between two flushes of a document. */
  readonly batchDelayMs: number;
  /** Bytes of records that may wait here and in the shards. */
  readonly maxQueuedBytes: number;
  /** Which variants of a document have subscribers now, as bits. */
  readonly variantsOf: (documentId: string) => number;
  /** Whether a session, by its number, is all the subscribers that a document has. */
  readonly isOnlySubscriber: (session: number, documentId: string) => boolean;
  /** How long the oldest write of a flush waited. Seconds. */
  readonly waits: Histogram;
}

/** A document that has records waiting, or whose window since the last flush is still open. */
interface Pending {
  readonly id: string;
  readonly shard: number;
  readonly records: TaskRecord[];
  /** In the queue of its shard. */
  due: boolean;
  /** When it may be flushed again, in ms of the monotonic clock. */
  windowEnd: number;
}

/** A task is cut at about this size, so that one document's answer need not wait for a thousand others. */
const MAX_TASK_BYTES = 1024 * 1024;
/** Reads are small but their answers are not: a thousand clients that come back at once must not get theirs in one. */
const MAX_TASK_READS = 16;

/**
 * Holds what clients send until it is due, per document (contract 2 of the design): at once when the document was
 * idle, then at most once per window. What is due leaves as one task per shard; while a shard is busy, more collects,
 * so batches grow with the load. Every step costs O(1) per record.
 */
export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #pending = new Map<string, Pending>();
  /** Documents that are due, by shard, the one that has been for longest in front. */
  readonly #due: Set<Pending>[];
  /** How often a document became due and how often one was given to its shard, by shard; in the same order. */
  readonly #madeDue: number[];
  readonly #given: number[];
  /** Documents whose window is open, the one that closes first in front. */
  readonly #windows = new Set<Pending>();
  readonly #writer = new TaskWriter();
  /** Who waits for what was due to be given, in the order of asking. */
  readonly #handovers: { readonly isGiven: () => boolean; readonly resolve: () => void }[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumpScheduled = false;

  constructor(options: CoalescerOptions) {
    this.#options = options;
    this.#due = Array.from({ length: options.shardCount }, () => new Set());
    this.#madeDue = this.#due.map(() => 0);
    this.#given = this.#due.map(() => 0);
  }

  /** Bytes of records that wait here. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Takes a record; false when too much waits already.
   *
   * @param urgent For reads: they don't wait for a window, they take the writes before them along, and they are not
   * refused, as they are small and each session has few of them under way.
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
        windowEnd: 0,
      };
      this.#pending.set(documentId, pending);
    }
    if (isSaidAlready(record, pending.records.at(-1))) return true;
    pending.records.push(record);
    this.#queuedBytes += size;
    if (!pending.due && (urgent || pending.records.length >= batchSize || !this.#windows.has(pending))) {
      this.#makeDue(pending);
    }
    return true;
  }

  /**
   * Makes everything due that waits for its window.
   *
   * @returns Tells whether all that waited at the time of the call has been given to the shards.
   */
  flushAll(): () => boolean {
    for (const pending of this.#windows) if (!pending.due && pending.records.length > 0) this.#makeDue(pending);
    const isGiven = this.#dueNow();
    this.#pumpAll();
    return isGiven;
  }

  /** Resolves when all that is due at the time of the call has been given to the shards. */
  async handedOver(): Promise<void> {
    const isGiven = this.#dueNow();
    if (!isGiven()) await new Promise<void>((resolve) => this.#handovers.push({ isGiven, resolve }));
  }

  /** Sends a shard what is due, as far as it can take it. */
  pump(shard: number): void {
    const due = this.#due[shard];
    if (due === undefined) return;
    const { shards } = this.#options;
    while (due.size > 0 && shards.ready(shard)) {
      const now = performance.now();
      let readsLeft = MAX_TASK_READS;
      for (const pending of due) {
        due.delete(pending);
        this.#given[shard] = (this.#given[shard] ?? 0) + 1;
        readsLeft -= this.#flush(pending, now, readsLeft);
        if (readsLeft <= 0 || this.#writer.length >= MAX_TASK_BYTES) break;
      }
      shards.submit(shard, this.#writer.finish());
    }
    while (this.#handovers[0]?.isGiven() === true) this.#handovers.shift()?.resolve();
  }

  /** Forgets timers; nothing may be added afterwards. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** @returns Tells whether all that is due now has been given to the shards. */
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
    // After all that came in this turn of the event loop.
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pumpAll();
    });
  }

  #pumpAll(): void {
    for (let shard = 0; shard < this.#due.length; shard++) this.pump(shard);
  }

  /** Puts what waits for a document into the task, up to so many reads; returns how many there were. */
  #flush(pending: Pending, now: number, maxReads: number): number {
    const { count, reads, firstWrite } = portionOf(pending.records, maxReads);
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
    // Reads publish nothing, so the write after them finds the document as idle as before.
    if (firstWrite !== undefined) {
      this.#options.waits.observe((now - firstWrite.receivedAt) / 1_000);
      this.#openWindow(pending, now);
    } else if (!left && !this.#windows.has(pending)) {
      this.#pending.delete(pending.id);
    }
    return reads;
  }

  #isWriterOnly(documentId: string, firstWrite: WriteRecord | undefined, records: readonly TaskRecord[]): boolean {
    if (firstWrite === undefined) return false;
    const { session } = firstWrite.origin;
    if (!this.#options.isOnlySubscriber(session, documentId)) return false;
    return records.every((record) => !isWrite(record) || record.origin.session === session);
  }

  #openWindow(pending: Pending, now: number): void {
    this.#windows.delete(pending);
    if (this.#options.batchDelayMs === 0) {
      if (!pending.due) this.#pending.delete(pending.id);
      return;
    }
    pending.windowEnd = now + this.#options.batchDelayMs;
    this.#windows.add(pending);
    this.#timer ??= setTimeout(this.#closeWindows, this.#options.batchDelayMs);
  }

  readonly #closeWindows = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (const pending of this.#windows) {
      if (pending.windowEnd > now) {
        this.#timer = setTimeout(this.#closeWindows, Math.ceil(pending.windowEnd - now));
        return;
      }
      this.#windows.delete(pending);
      if (pending.due) continue;
      if (pending.records.length > 0) this.#makeDue(pending);
      else this.#pending.delete(pending.id);
    }
  };
}

/** Who is subscribed is read off when the record is sent, so that one says what many would. */
function isSaidAlready(record: TaskRecord, last: TaskRecord | undefined): boolean {
  const { interest } = recordKinds;
  return record.kind === interest && last?.kind === interest && (last.isOld || !record.isOld);
}

/** As many of the records, from the first, as hold no more than so many reads. */
function portionOf(
  records: readonly TaskRecord[],
  maxReads: number,
): { count: number; reads: number; firstWrite: WriteRecord | undefined } {
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
