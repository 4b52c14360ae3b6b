import { Cadence } from '../../cadence.js';
import type { Committed, FieldRow, RefusedRow } from '../../storage/port.js';
import type { Horizon } from '../../storage/horizon.js';
import type { LoadedDocument } from '../documents/documents.js';
import {
  addPurge,
  changesOf,
  dropText,
  fail,
  holds,
  isFull,
  isSame,
  newBatch,
  put,
  type Batch,
  type PendingAck,
} from './batch.js';
import type { CommitterOptions } from './committer-options.js';
import type { WriteKey } from './dirty-fields.js';
import { expiredPaths } from './expired-paths.js';
import { ROW_BYTES } from './row-size.js';
import { StallWatch } from './stall-watch.js';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;
const TOO_MANY_REFUSED = 'too many writes of a field were refused; send it again';
const TEXT_REFUSED = 'the text held what was refused; send it again';

/**
 * Group commit: while one commit runs, the next collects, so that its size follows the load. Of several writes to a
 * field only the last is written. When the storage fails the batch stays and is tried again, and what comes meanwhile collects behind it.
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #watch: StallWatch;
  readonly #cadence: Cadence;
  /** Batches that wait, the oldest in front; the last one collects. */
  readonly #waiting: Batch[] = [];
  #collecting = newBatch(1);
  #running: Batch | undefined;
  #bytes = 0;
  #retryMs = 0;
  #retry: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#watch = new StallWatch({ ...options, onStall: options.afterCommit });
    this.#cadence = new Cadence(options.gatherMs, () => {
      this.kick();
    });
  }

  /** Bytes of changes that are not durable yet, and of what is kept in case that they are refused. */
  get pendingBytes(): number {
    return this.#bytes + this.#options.dirty.bytes;
  }

  /** False from a failed commit to the next that succeeds, and while one takes too long. */
  get healthy(): boolean {
    return this.#retryMs === 0 && !this.#watch.isStalled;
  }

  /** Whether a commit runs; `afterCommit` is called when it ends. One in memory ends before anything else happens. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  isDirty(document: LoadedDocument): boolean {
    return this.lastBatch(document) > 0 || (this.#running !== undefined && holds(this.#running, document));
  }

  /** The number of the last batch with changes of a document that are not durable; 0 when there are none. */
  lastBatch(document: LoadedDocument): number {
    if (holds(this.#collecting, document)) return this.#collecting.number;
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const batch = this.#waiting[i];
      if (batch !== undefined && holds(batch, document)) return batch.number;
    }
    return this.#running !== undefined && holds(this.#running, document) ? this.#running.number : 0;
  }

  /** Adds a row to the batch that is collected; `kick` starts it. @param replaced As in `put`. */
  write(document: LoadedDocument, row: FieldRow, replaced?: readonly FieldRow[]): void {
    const { dirty, onReplaced } = this.#options;
    const { former, growth } = put(this.#roomy(), document, row, replaced);
    this.#bytes += growth;
    if (former === undefined) {
      dirty.batched(document.id, row.path);
      return;
    }
    dirty.contend(document.id, former);
    onReplaced(document, row.path);
  }

  /** Adds tombstones to be forgotten, behind the rows that were added before. @param horizon That after it. */
  purge(document: LoadedDocument, fields: readonly FieldRow[], horizon: Horizon): void {
    this.#bytes += addPurge(this.#roomy(), document, fields, horizon);
  }

  /**
   * Adds the text of a document, which has changed, to the batch that is collected.
   *
   * @param growth Bytes by which it grew in memory, about what there will be to write.
   */
  writeText(document: LoadedDocument, growth: number): void {
    const batch = this.#roomy();
    if (!batch.texts.has(document)) {
      batch.texts.set(document, undefined);
      batch.count++;
    }
    const bytes = ROW_BYTES + Math.max(0, growth);
    batch.bytes += bytes;
    this.#bytes += bytes;
  }

  /**
   * Adds an ack that waits for what was merged so far, whether its message changed anything or lost against a write not
   * durable yet. The rows of the message must have been given to `write` before.
   */
  addAck(ack: PendingAck): void {
    this.#collecting.acks.push(ack);
  }

  /** The batch that is collected, a new one if the last is full. */
  #roomy(): Batch {
    if (isFull(this.#collecting)) {
      this.#waiting.push(this.#collecting);
      this.#collecting = newBatch(this.#collecting.number + 1);
    }
    return this.#collecting;
  }

  /** Starts a commit unless one runs, or more is to be gathered first. */
  kick(): void {
    if (this.#running !== undefined || this.#retry !== undefined) return;
    const isPart = this.#waiting.length === 0 && this.#collecting.count > 0 && !isFull(this.#collecting);
    if (isPart && !this.#cadence.isOpen()) return;
    if (this.#compact(false)) return;
    const batch = this.#waiting.shift() ?? this.#collecting;
    if (batch === this.#collecting) this.#collecting = newBatch(batch.number + 1);
    if (batch.count > 0) {
      this.#cadence.begin();
      this.#running = batch;
      void this.#commit(batch);
      return;
    }
    this.#release(batch);
    if (this.#compact(true)) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Starts a commit that compacts a text, if it is time for one. */
  #compact(isIdle: boolean): boolean {
    const text = this.#options.compactText(isIdle);
    if (text === undefined) return false;
    const batch = newBatch(0);
    batch.texts.set(text.document, text.change);
    batch.count = 1;
    this.#running = batch;
    void this.#commit(batch);
    return true;
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    if (this.#running === undefined && this.#waiting.length === 0 && this.#collecting.count === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #commit(batch: Batch): Promise<void> {
    const { storage, log, metrics } = this.#options;
    const started = performance.now();
    const changes = changesOf(batch, this.#options.nextTextUpdate);
    let committed: Committed;
    try {
      committed = await this.#watch.run(batch.count, () => storage.commit(changes));
    } catch (error) {
      metrics.commitFailures.add(1);
      if (this.healthy) log.error({ err: error, rows: batch.count }, 'commit failed; it will be tried again');
      this.#postpone(batch);
      return;
    }
    metrics.commitTime.observe((performance.now() - started) / 1_000);
    metrics.rowsPerCommit.observe(batch.count);
    if (committed.recorded !== undefined) {
      metrics.historyEntries.add(committed.recorded.entries);
      metrics.historyBytes.add(committed.recorded.bytes);
    }
    if (!this.healthy) log.info('commits succeed again');
    this.#retryMs = 0;
    this.#running = undefined;
    this.#bytes -= batch.bytes;
    this.#settle(batch, committed);
    // What waits goes first, so that the storage need not wait while the clients are told.
    if (this.#waiting.length > 0 || this.#collecting.count > 0) this.kick();
    this.#options.onCommitted(changes, committed);
    this.#release(batch);
    this.kick();
    this.#options.afterCommit();
  }

  /** What was written is durable; what was refused is taken back, and who wrote it is told. */
  #settle(batch: Batch, { refused, numbers, expired = [] }: Committed): void {
    const { dirty, takeBack, onExpired } = this.#options;
    const { rows, texts } = batch;
    const all = refused.length === 0 ? [] : [batch, ...this.#waiting, this.#collecting].flatMap((one) => one.acks);
    const reasons = new Map<string, RefusedRow[]>();
    for (const row of refused) this.#noteRefused(row, reasons);
    for (const [document, written] of rows) {
      const lost = expiredPaths(expired, document.id);
      if (lost.length > 0) onExpired(document, lost, batch.number);
      const own = reasons.get(document.id);
      if (own === undefined) {
        for (const row of written.values()) dirty.committed(document.id, row);
        continue;
      }
      const paths = new Map(own.map(({ path, reason }) => [path, reason]));
      const back: FieldRow[] = [];
      for (const row of written.values()) {
        const reason = paths.get(row.path);
        if (reason === undefined) {
          dirty.committed(document.id, row);
          continue;
        }
        back.push(row);
        fail(all, document.id, (ack) => ack.writes.some((key) => isSame(key, row)), 'INVALID_DELTA', reason);
      }
      for (const { path } of takeBack(document, back, batch.number, numbers.get(document.id))) {
        const isLost = (key: WriteKey): boolean => key.path === path;
        fail(all, document.id, ({ writes }) => writes.some(isLost), 'STORAGE_UNAVAILABLE', TOO_MANY_REFUSED);
      }
    }
    for (const document of texts.keys()) {
      const own = reasons.get(document.id)?.find(({ path }) => path === undefined);
      if (own === undefined) continue;
      fail(batch.acks, document.id, ({ text }) => text, 'INVALID_DELTA', own.reason);
      // What waits is joined to it, and goes with it.
      fail(all, document.id, ({ text }) => text, 'STORAGE_UNAVAILABLE', TEXT_REFUSED);
      for (const later of [...this.#waiting, this.#collecting]) dropText(later, document);
      this.#options.onTextRefused(document);
    }
  }

  #noteRefused(row: RefusedRow, reasons: Map<string, RefusedRow[]>): void {
    const { log, metrics } = this.#options;
    const { documentId, reason } = row;
    metrics.rowsRefused.add(1);
    log.error({ documentId, reason }, 'the storage refused a row');
    reasons.set(documentId, [...(reasons.get(documentId) ?? []), row]);
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

  /** Every batch before this one is durable, and this one too. */
  #release(batch: Batch): void {
    const { acknowledge, dirty, onDurable } = this.#options;
    if (batch.number > 0) onDurable(batch.number);
    for (const ack of batch.acks) {
      const isSettled = ack.writes.every((key) => dirty.isSettled(ack.documentId, key));
      // It lost to a write that is not durable itself.
      if (ack.failure === undefined && !isSettled) this.#collecting.acks.push(ack);
      else acknowledge(ack);
    }
  }
}
