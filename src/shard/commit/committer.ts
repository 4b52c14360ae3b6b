import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Committed, DocumentChange, FieldRow, RefusedRow, Storage, TextChange } from '../../storage/port.js';
import type { Origin } from '../../messages/task.js';
import { mergeHorizons, type Horizon, type Purge } from '../../storage/horizon.js';
import type { LoadedDocument } from '../documents.js';
import type { Held } from '../outbox.js';
import type { OpenGroup } from '../open-task.js';

/** An ack that is sent once everything merged before it is durable. */
export interface PendingAck {
  readonly origin: Origin;
  readonly messageId: string | undefined;
  readonly documentId: string;
  /** The fields that the message wrote. */
  readonly fields: readonly string[];
  /** Whether it wrote the text. */
  readonly text: boolean;
  /** When the acceptor got the message, in ms of its monotonic clock. */
  readonly receivedAt: number;
  readonly openGroup: OpenGroup;
  /** What goes to its sender before it. */
  echo: Held | undefined;
}

interface Batch {
  readonly rows: Map<LoadedDocument, Map<string, FieldRow>>;
  /** Texts that changed, and what of them is written: known when the batch is first given to the storage. */
  readonly texts: Map<LoadedDocument, TextChange | undefined>;
  readonly purges: Map<LoadedDocument, Purge>;
  /** Sent when this batch is durable, and with it all before it. */
  acks: PendingAck[];
  count: number;
  bytes: number;
}

export interface CommitterOptions {
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: Pick<ShardMetrics, 'commitTime' | 'rowsPerCommit' | 'commitFailures'>;
  /** What changed in a text since this was last called; it may be nothing. */
  readonly nextTextUpdate: (document: LoadedDocument) => TextChange;
  /** What `nextTextUpdate` returned was refused. */
  readonly onTextRefused: (document: LoadedDocument) => void;
  /** A text to compact, if there is one. @param isIdle Whether nothing else is to be written; else only what can't wait. */
  readonly compactText: (
    isIdle: boolean,
  ) => { readonly document: LoadedDocument; readonly change: TextChange } | undefined;
  /** Called for each ack whose writes are durable; `refused` is the reason for which the database refused one of them. */
  readonly acknowledge: (ack: PendingAck, refused: string | undefined) => void;
  /** Called with what is durable now. */
  readonly onCommitted: (changes: readonly DocumentChange[], committed: Committed) => void;
  /** Called after each commit, when acks have been released. */
  readonly afterCommit: () => void;
}

/** Rows and bytes of a commit: encoding and writing more would keep the thread from merging for too long. */
const MAX_ROWS = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;
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
    const holds = ({ rows, texts, purges }: Batch): boolean =>
      rows.has(document) || texts.has(document) || purges.has(document);
    if (holds(this.#collecting) || (this.#running !== undefined && holds(this.#running))) return true;
    return this.#waiting.some(holds);
  }

  /** Adds a row to the batch that is collected; `kick` starts it. */
  write(document: LoadedDocument, row: FieldRow): void {
    this.#bytes += put(this.#roomy(), document, row);
  }

  /** Adds tombstones to be forgotten, behind the rows that were added before. @param horizon That after it. */
  purge(document: LoadedDocument, fields: readonly FieldRow[], horizon: Horizon): void {
    const batch = this.#roomy();
    const former = batch.purges.get(document);
    batch.purges.set(document, {
      fields: [...(former?.fields ?? []), ...fields],
      horizon: mergeHorizons(former?.horizon, horizon) ?? horizon,
    });
    const bytes = fields.reduce((sum, row) => sum + sizeOf(row), 0);
    batch.count += fields.length;
    batch.bytes += bytes;
    this.#bytes += bytes;
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
    if (this.#collecting.count >= MAX_ROWS || this.#collecting.bytes >= MAX_BYTES) {
      this.#waiting.push(this.#collecting);
      this.#collecting = newBatch();
    }
    return this.#collecting;
  }

  /** Starts a commit unless one runs. */
  kick(): void {
    if (this.#running !== undefined || this.#retry !== undefined) return;
    if (this.#compact(false)) return;
    const batch = this.#waiting.shift() ?? this.#collecting;
    if (batch === this.#collecting) this.#collecting = newBatch();
    if (batch.count > 0) {
      this.#running = batch;
      void this.#commit(batch);
      return;
    }
    this.#release(batch, []);
    if (this.#compact(true)) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Starts a commit that compacts a text, if it is time for one. */
  #compact(isIdle: boolean): boolean {
    const text = this.#options.compactText(isIdle);
    if (text === undefined) return false;
    const batch = newBatch();
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
    const changes = this.#changesOf(batch);
    let committed: Committed;
    try {
      committed = await storage.commit(changes);
    } catch (error) {
      metrics.commitFailures.add(1);
      if (this.healthy) log.error({ err: error, rows: batch.count }, 'commit failed; it will be tried again');
      this.#postpone(batch);
      return;
    }
    metrics.commitTime.observe((performance.now() - started) / 1_000);
    metrics.rowsPerCommit.observe(batch.count);
    if (!this.healthy) log.info('commits succeed again');
    this.#retryMs = 0;
    this.#running = undefined;
    this.#bytes -= batch.bytes;
    const { refused } = committed;
    for (const row of refused) {
      log.error({ documentId: row.documentId, reason: row.reason }, 'the storage refused a row');
    }
    const refusedTexts = new Set(refused.filter(({ path }) => path === undefined).map(({ documentId }) => documentId));
    for (const document of batch.texts.keys()) if (refusedTexts.has(document.id)) this.#options.onTextRefused(document);
    // What waits goes first, so that the storage need not wait while clients are answered.
    if (this.#waiting.length > 0 || this.#collecting.count > 0) this.kick();
    this.#options.onCommitted(changes, committed);
    this.#release(batch, refused);
    this.kick();
    this.#options.afterCommit();
  }

  #changesOf({ rows, texts, purges }: Batch): DocumentChange[] {
    for (const [document, change] of texts) {
      // A batch that is tried again writes the same updates again.
      if (change === undefined) texts.set(document, this.#options.nextTextUpdate(document));
    }
    const documents = new Set([...rows.keys(), ...texts.keys(), ...purges.keys()]);
    return Array.from(documents, (document) => ({
      documentId: document.id,
      stamp: document.stamp,
      fields: [...(rows.get(document)?.values() ?? [])],
      text: updateOf(texts.get(document)),
      purge: purges.get(document),
    }));
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
      if (refused.length === 0) {
        this.#options.acknowledge(ack, undefined);
        continue;
      }
      const own = refused.find(
        ({ documentId, path }) =>
          documentId === ack.documentId && (path === undefined ? ack.text : ack.fields.includes(path)),
      );
      this.#options.acknowledge(ack, own?.reason);
    }
  }
}

function newBatch(): Batch {
  return { rows: new Map(), texts: new Map(), purges: new Map(), acks: [], count: 0, bytes: 0 };
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

/** A text that is in two batches is written with the first as it is then, so the second may have nothing left. */
function updateOf(change: TextChange | undefined): TextChange | undefined {
  return change === undefined || change.append.length === 0 ? undefined : change;
}
