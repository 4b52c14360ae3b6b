import type { Logger } from 'pino';
import type { Storage } from '../../storage/port.js';

export interface ComparisonOptions {
  readonly storage: Pick<Storage, 'lastCommits'>;
  readonly log: Logger;
  /** Between two looks at the storage, in ms. */
  readonly intervalMs: number;
  /** Documents that are compared. */
  readonly documentIds: () => Iterable<string>;
  /** The last commit up to which a document is complete; undefined when nobody knows, or it is not compared any more. */
  readonly completeUpTo: (documentId: string) => number | undefined;
  /** Called with documents of which commits are missing. */
  readonly onStale: (documentIds: readonly string[]) => void;
  /** Called with documents that have fewer commits than were seen: the database is an older one than before. */
  readonly onBack: (documentIds: readonly string[]) => void;
}

/** Documents asked for with one request. */
const DOCUMENTS_AT_ONCE = 1_000;
/**
 * An update is sent after its commit and may overtake that of an earlier one. What is still missing after one or two of
 * these times, in ms, was lost.
 */
const PATIENCE_MS = 500;

/**
 * Finds documents of which a commit was never received: its node was killed before it could publish it, and so sends
 * nothing that would show the gap. Each commit of a document has a number, so one that is missing shows in the numbers of others,
 * and the last ones are compared with the storage's now and then. That also brings nodes together while they have no bus.
 */
export class Comparison {
  readonly #options: ComparisonOptions;
  /** The next look at the storage. */
  #next: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  /** Documents that lack a commit up to this number, for more than one tick and for less. */
  #suspects = new Map<string, number>();
  #newSuspects = new Map<string, number>();
  #closed = false;

  constructor(options: ComparisonOptions) {
    this.#options = options;
    // Not all nodes at once.
    this.#schedule(Math.random() * options.intervalMs);
  }

  /** A document lacks a commit before this one; it may be on its way. */
  suspect(documentId: string, number: number): void {
    if (this.#closed) return;
    this.#newSuspects.set(documentId, Math.max(number, this.#newSuspects.get(documentId) ?? 0));
    this.#tick ??= setTimeout(() => {
      this.#judge();
    }, PATIENCE_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#next);
    clearTimeout(this.#tick);
  }

  #schedule(delayMs: number): void {
    this.#next = setTimeout(() => {
      void this.#compare();
    }, delayMs);
  }

  async #compare(): Promise<void> {
    const { documentIds, intervalMs, log } = this.#options;
    const ids = [...documentIds()];
    try {
      for (let i = 0; i < ids.length && !this.#closed; i += DOCUMENTS_AT_ONCE) {
        await this.#comparePortion(ids.slice(i, i + DOCUMENTS_AT_ONCE));
      }
    } catch (error) {
      // Writes and loads report that the storage is away.
      log.debug({ err: error }, 'documents could not be compared with the storage');
    }
    if (!this.#closed) this.#schedule(intervalMs);
  }

  async #comparePortion(ids: readonly string[]): Promise<void> {
    const { storage, completeUpTo, onBack } = this.#options;
    // What was seen before the question can't be missing in the answer.
    const before = ids.map((id) => completeUpTo(id) ?? 0);
    const numbers = await storage.lastCommits(ids);
    numbers.forEach((number, i) => {
      const id = ids[i] ?? '';
      if (number > 0 && (completeUpTo(id) ?? 0) < number) this.suspect(id, number);
    });
    const back = ids.filter((_, i) => (numbers[i] ?? 0) < (before[i] ?? 0));
    if (back.length > 0 && !this.#closed) onBack(back);
  }

  #judge(): void {
    this.#tick = undefined;
    const { completeUpTo, onStale } = this.#options;
    const stale = [...this.#suspects].filter(([id, number]) => (completeUpTo(id) ?? 0) < number).map(([id]) => id);
    this.#suspects = this.#newSuspects;
    this.#newSuspects = new Map();
    if (this.#suspects.size > 0) {
      this.#tick = setTimeout(() => {
        this.#judge();
      }, PATIENCE_MS);
    }
    if (stale.length > 0) onStale(stale);
  }
}
