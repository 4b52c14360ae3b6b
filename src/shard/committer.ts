import type { Logger } from 'pino';
import type { ShardMetrics } from '../metrics/shard-metrics.js';
import type { FieldRow, RefusedRow, Storage } from '../storage/port.js';
import type { Origin } from '../shards/task.js';
import type { LoadedDocument } from './documents.js';
import type { Ticket } from './ticket.js';

/** An ack that is owed once everything merged before it is durable. */
export interface PendingAck {
  readonly origin: Origin;
  readonly messageId: string | undefined;
  readonly documentId: string;
  /** The fields that the message wrote. */
  readonly fields: readonly string[];
  /** When the acceptor got the message. */
  readonly received: number;
  readonly ticket: Ticket;
}

interface Batch {
  readonly rows: Map<LoadedDocument, Map<string, FieldRow>>;
  /** Owed when this batch is durable, and with it all before it. */
  acks: PendingAck[];
  count: number;
  bytes: number;
}

export interface CommitterOptions {
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: Pick<ShardMetrics, 'commitTime' | 'rowsPerCommit' | 'commitFailures'>;
  /** Called for each ack whose writes are durable; `refused` says why the database took one of them for ever ill. */
  readonly acknowledge: (ack: PendingAck, refused: string | undefined) => void;
  /** Called after each commit, when acks have been released. */
  readonly afterCommit: () => void;
}

/** Rows of a commit: encoding and writing more would keep the thread from merging for too long. */
const MAX_ROWS = 1_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;
/** Bytes a row takes besides its text, roughly. */
const ROW_BYTES = 96;

/**
 * Group commit: while one commit runs, the next collects, so that its size follows the load. Of several writes to a
 * field only the last is written. When the storage fails the batch stays and is tried again, and what comes meanwhile collects behind it.
 */
export class Committer {
  readonly #options: CommitterOptions;
  /** Batches that wait, the oldest in front; the last one collects. */
  readonly #waiting: Batch[] = [];
  #collecting = newBatch();
  #running: Batch | undefined;
  #bytes = 0;
  #retryMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Bytes of changes that are not durable yet. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** False from a failed commit to the next that succeeds. */
  get healthy(): boolean {
    return this.#retryMs === 0;
  }

  isDirty(document: LoadedDocument): boolean {
    if (this.#collecting.rows.has(document) || this.#running?.rows.has(document) === true) return true;
    return this.#waiting.some((batch) => batch.rows.has(document));
  }

  /** Takes a row into the batch that is collected; `kick` starts it. */
  write(document: LoadedDocument, row: FieldRow): void {
    if (this.#collecting.count >= MAX_ROWS) {
      this.#waiting.push(this.#collecting);
      this.#collecting = newBatch();
    }
    this.#bytes += put(this.#collecting, document, row);
  }

  /**
   * Owes an ack for what was merged so far, whether it changed anything or lost against a write not durable yet. The
   * rows of the message must have been given to `write` before.
   */
  owe(ack: PendingAck): void {
    this.#collecting.acks.push(ack);
  }

  /** Starts a commit unless one runs. */
  kick(): void {
    if (this.#running !== undefined || this.#retry !== undefined) return;
    const batch = this.#waiting.shift() ?? this.#collecting;
    if (batch === this.#collecting) this.#collecting = newBatch();
    if (batch.rows.size > 0) {
      this.#running = batch;
      void this.#commit(batch);
      return;
    }
    this.#release(batch, []);
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    if (this.#running === undefined && this.#waiting.length === 0 && this.#collecting.rows.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #commit(batch: Batch): Promise<void> {
    const { storage, log, metrics } = this.#options;
    const started = performance.now();
    let refused: RefusedRow[];
    try {
      refused = await storage.commit(
        Array.from(batch.rows, ([document, rows]) => ({
          documentId: document.id,
          stamp: document.stamp,
          fields: [...rows.values()],
        })),
      );
    } catch (error) {
      metrics.commitFailures.add(1);
      if (this.healthy) log.error({ err: error, documents: batch.rows.size }, 'commit failed; it will be tried again');
      this.#postpone(batch);
      return;
    }
    metrics.commitTime.observe((performance.now() - started) / 1_000);
    metrics.rowsPerCommit.observe(batch.count);
    if (!this.healthy) log.info('commits succeed again');
    this.#retryMs = 0;
    this.#running = undefined;
    this.#bytes -= batch.bytes;
    for (const row of refused) {
      log.error({ documentId: row.documentId, reason: row.reason }, 'the storage refused a row');
    }
    this.#release(batch, refused);
    this.kick();
    this.#options.afterCommit();
  }

  /** The failed batch is the first to be tried again. Rows that changed meanwhile are in later ones. */
  #postpone(failed: Batch): void {
    this.#waiting.unshift(failed);
    this.#running = undefined;
    this.#retryMs = Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, this.#retryMs * 2));
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.kick();
    }, this.#retryMs);
    this.#options.afterCommit();
  }

  #release(batch: Batch, refused: readonly RefusedRow[]): void {
    for (const ack of batch.acks) {
      const own = refused.find((row) => row.documentId === ack.documentId && ack.fields.includes(row.path));
      this.#options.acknowledge(ack, own?.reason);
    }
  }
}

function newBatch(): Batch {
  return { rows: new Map(), acks: [], count: 0, bytes: 0 };
}

/** Returns by how many bytes the batch grew. */
function put(batch: Batch, document: LoadedDocument, row: FieldRow): number {
  let rows = batch.rows.get(document);
  if (rows === undefined) batch.rows.set(document, (rows = new Map<string, FieldRow>()));
  const former = rows.get(row.path);
  rows.set(row.path, row);
  if (former === undefined) batch.count++;
  const growth = sizeOf(row) - (former === undefined ? 0 : sizeOf(former));
  batch.bytes += growth;
  return growth;
}

function sizeOf(row: FieldRow): number {
  return ROW_BYTES + row.path.length + row.value.length;
}
