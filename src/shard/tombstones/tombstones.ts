import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import { horizonOf } from '../../storage/horizon.js';
import { compareRows } from '../../storage/order.js';
import type { Committed, DocumentChange } from '../../storage/port.js';
import type { Committer } from '../commit/committer.js';
import type { Documents, LoadedDocument } from '../documents/documents.js';
import { ticksOf } from '../fields/stamp.js';
import { raiseHorizon } from './horizon.js';

export interface TombstoneLimits {
  /** Tombstones of a document. */
  readonly maxCount: number;
  /** Bytes of memory that the tombstones of a document take. */
  readonly maxBytes: number;
  /** Time after which a tombstone is purged, in ms. */
  readonly maxAgeMs: number;
}

export interface TombstonesOptions {
  readonly core: FieldsStore;
  readonly documents: Pick<Documents, 'peek' | 'measure'>;
  readonly committer: Pick<Committer, 'purge'>;
  readonly limits: TombstoneLimits;
  readonly metrics: Pick<ShardMetrics, 'tombstonesPurged' | 'writesExpired'>;
  /** Publishes to all subscribers that fields are removed. */
  readonly publishRemoved: (document: LoadedDocument, paths: readonly string[]) => void;
}

/** A bound that is exceeded is undercut by this part of it, so that a purge is worth its look at all fields. */
const SLACK = 1 / 8;
/** Tombstones of one purge: it is one commit. */
const MAX_PURGED = 1_000;
/** Between two purges by age of one document, in ms, or a hundredth of the age if that is shorter. */
const AGE_STEP_MS = 60_000;

/**
 * Keeps the tombstones of documents within their bounds: the oldest are purged, with a commit that raises the document's
 * horizon. A document is looked at when it was written or loaded, never otherwise.
 */
export class Tombstones {
  readonly #options: TombstonesOptions;
  /** When the oldest tombstone reaches its age, at the earliest; in ms since the epoch. */
  readonly #agedAt = new WeakMap<LoadedDocument, number>();

  constructor(options: TombstonesOptions) {
    this.#options = options;
  }

  /**
   * Purges what is over the bounds, at most one commit's worth: the rest when that is durable.
   *
   * @param now Milliseconds since the epoch.
   */
  check(document: LoadedDocument, now: number): void {
    const { core, committer, metrics } = this.#options;
    if (!this.#isOver(document, now)) return;
    const stamps = core.tombstoneStamps(document.handle).sort((a, b) => a - b);
    const { amount, reason } = this.#surplus(document, stamps, now);
    if (amount === 0) return;
    const last = stamps[Math.min(amount, MAX_PURGED) - 1] ?? 0;
    const purged = core.tombstonesUpTo(document.handle, last);
    const horizon = horizonOf(purged, document.horizon);
    if (horizon === undefined) return;
    for (const { path } of purged) core.erase(document.handle, path);
    document.horizon = horizon;
    committer.purge(document, purged, horizon);
    metrics.tombstonesPurged(reason).add(purged.length);
  }

  /** Learns from a commit what other nodes have purged, and takes back what the storage did not take for it. */
  committed(changes: readonly DocumentChange[], { horizons, expired = [] }: Committed, now: number): void {
    const { core, documents, metrics, publishRemoved } = this.#options;
    for (const [documentId, horizon] of horizons ?? []) {
      const slot = documents.peek(documentId);
      if (slot?.kind === 'loaded') raiseHorizon(core, slot, horizon);
    }
    metrics.writesExpired.add(expired.length);
    for (const { documentId, fields, purge } of changes) {
      const slot = documents.peek(documentId);
      if (slot?.kind !== 'loaded') continue;
      const paths = expired.length === 0 ? [] : this.#erase(slot, fields, pathsOf(documentId, expired));
      if (paths.length > 0) publishRemoved(slot, paths);
      if (purge !== undefined) this.check(slot, now);
      if (purge !== undefined || paths.length > 0) documents.measure(slot);
    }
  }

  /** @returns The fields that were live. */
  #erase({ handle }: LoadedDocument, rows: readonly FieldWrite[], expired: ReadonlySet<string>): string[] {
    const { core } = this.#options;
    const erased: string[] = [];
    for (const row of rows) {
      if (!expired.has(row.path)) continue;
      const present = core.get(handle, row.path);
      // A later write is judged when it is committed itself.
      if (present === undefined || compareRows(present, row) !== 0) continue;
      core.erase(handle, row.path);
      if (!row.deleted) erased.push(row.path);
    }
    return erased;
  }

  #isOver(document: LoadedDocument, now: number): boolean {
    const { core, limits } = this.#options;
    const count = core.fieldCount(document.handle) - core.liveCount(document.handle);
    if (count === 0) return false;
    if (count > limits.maxCount || core.tombstoneBytes(document.handle) > limits.maxBytes) return true;
    return now >= (this.#agedAt.get(document) ?? 0);
  }

  /** How many of the oldest are to be purged. @param stamps Of all tombstones, ascending. */
  #surplus(
    document: LoadedDocument,
    stamps: readonly number[],
    now: number,
  ): { readonly amount: number; readonly reason: 'count' | 'bytes' | 'age' } {
    const { core, limits } = this.#options;
    const { maxCount, maxBytes, maxAgeMs } = limits;
    const aged = ticksOf(now - maxAgeMs);
    const old = stamps.findIndex((stamp) => stamp > aged);
    const byAge = old === -1 ? stamps.length : old;
    const left = stamps[byAge];
    const step = Math.min(AGE_STEP_MS, maxAgeMs / 100);
    this.#agedAt.set(document, Math.max(now + step, left === undefined ? 0 : now + (left - aged) / ticksOf(1)));

    const bytes = core.tombstoneBytes(document.handle);
    const byCount = stamps.length > maxCount ? stamps.length - Math.floor(maxCount * (1 - SLACK)) : 0;
    const byBytes = bytes > maxBytes ? Math.ceil(stamps.length * (1 - (maxBytes * (1 - SLACK)) / bytes)) : 0;
    const amount = Math.max(byAge, byCount, byBytes);
    return { amount, reason: amount === byAge ? 'age' : amount === byCount ? 'count' : 'bytes' };
  }
}

function pathsOf(id: string, expired: NonNullable<Committed['expired']>): ReadonlySet<string> {
  return new Set(expired.filter(({ documentId }) => documentId === id).map(({ path }) => path));
}
