/** Makes snapshots of documents that have changed: after a time, or after so many writes. */
import type { Logger } from '../log.js';
import type { SnapshotResult } from './snapshots.js';

export interface SnapshotScheduleOptions {
  /** So long after the first write since its last snapshot a document gets another one, in ms; 0 = never. */
  readonly intervalMs: number;
  /** After so many writes too; 0 = never. */
  readonly everyWrites: number;
  /** Automatic snapshots end at this age, in ms; 0 = never. */
  readonly maxAgeMs: number;
  /** Changed documents that are remembered; of further ones none is made. */
  readonly maxWaiting: number;
  readonly create: (documentId: string) => Promise<void>;
  /** Removes automatic snapshots. @returns How many there were, at most as many as the limit. */
  readonly removeOlder: (createdBefore: number, limit: number) => Promise<number>;
  readonly onDone: (result: SnapshotResult, count?: number) => void;
  readonly log: Logger;
}

interface Changed {
  /** Of the first write, in ms of the monotonic clock. */
  readonly since: number;
  writes: number;
}

/** How often it is looked for what is due, at most. */
const MOST_TURN_MS = 1_000;
const LEAST_TURN_MS = 50;
/** How often it is looked for snapshots that are too old. */
const SWEEP_MS = 60_000;
const SWEPT_AT_ONCE = 100;

/**
 * One document after the other, so that snapshots take no more than one of them does. What has changed is forgotten when
 * the process ends: such a document gets its snapshot after its next write.
 */
export class SnapshotSchedule {
  readonly #options: SnapshotScheduleOptions;
  /** By document, the one first that waits longest. */
  readonly #changed = new Map<string, Changed>();
  /** Those that have had enough writes. */
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #sweeps: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SnapshotScheduleOptions) {
    this.#options = options;
  }

  /** Documents that have changed since their last snapshot. */
  get waiting(): number {
    return this.#changed.size;
  }

  get isOn(): boolean {
    const { intervalMs, everyWrites } = this.#options;
    return intervalMs > 0 || everyWrites > 0;
  }

  start(): void {
    const { intervalMs, maxAgeMs } = this.#options;
    if (this.isOn) {
      const everyMs = Math.max(LEAST_TURN_MS, Math.min(MOST_TURN_MS, intervalMs > 0 ? intervalMs / 4 : MOST_TURN_MS));
      this.#timer = setInterval(() => {
        this.#running ??= this.#takeDue().finally(() => (this.#running = undefined));
      }, everyMs);
    }
    if (maxAgeMs > 0) this.#sweeps = setInterval(() => void this.#sweep(), Math.min(SWEEP_MS, maxAgeMs));
  }

  /** Ends with the snapshot that is being made. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#sweeps);
    this.#changed.clear();
    this.#due.clear();
    await this.#running;
  }

  /** A document is written. */
  changed(documentId: string): void {
    if (!this.isOn) return;
    const known = this.#changed.get(documentId);
    if (known === undefined && this.#changed.size >= this.#options.maxWaiting) return;
    const changed = known ?? { since: performance.now(), writes: 0 };
    if (known === undefined) this.#changed.set(documentId, changed);
    changed.writes++;
    if (changed.writes === this.#options.everyWrites) this.#due.add(documentId);
  }

  async #takeDue(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      // What is written from now on counts for the next one.
      this.#changed.delete(next);
      this.#due.delete(next);
      try {
        await this.#options.create(next);
      } catch (error) {
        this.#options.log.warn({ err: error, documentId: next }, 'an automatic snapshot could not be made');
        this.#options.onDone('failed');
        // Again after its interval.
        this.changed(next);
        return;
      }
    }
  }

  #next(): string | undefined {
    const [due] = this.#due;
    if (due !== undefined) return due;
    const { intervalMs } = this.#options;
    const [oldest] = this.#changed;
    if (intervalMs === 0 || oldest === undefined) return undefined;
    const [documentId, { since }] = oldest;
    return performance.now() - since >= intervalMs ? documentId : undefined;
  }

  async #sweep(): Promise<void> {
    const { maxAgeMs, removeOlder, onDone, log } = this.#options;
    try {
      const removed = await removeOlder(Date.now() - maxAgeMs, SWEPT_AT_ONCE);
      if (removed > 0) onDone('expired', removed);
    } catch (error) {
      log.warn({ err: error }, 'old snapshots could not be removed');
    }
  }
}
