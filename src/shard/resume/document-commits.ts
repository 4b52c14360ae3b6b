import type { Horizon } from '../../storage/horizon.js';
import { SeenCommits } from './seen-commits.js';
import { ShownWrites } from './shown-writes.js';

/** How long it is not looked again for what writers are owed, in ms: there may be very many of them. */
const OWED_MS = 250;

/** The commits of a loaded document: which of them are in memory, and what its subscribers can be told of that. */
export class DocumentCommits {
  readonly shown = new ShownWrites();
  #seen: SeenCommits;
  #last: number;
  readonly #mayClaim: boolean;
  /** The last commit before those that hold what a writer is still owed; and when that was found, in ms. */
  #owedAfter: number | undefined;
  #owedAt = 0;
  /** Who knows no commit from this one on may hold fields of which nothing is left. */
  #wholeFrom = 0;
  #horizon: Horizon | undefined;

  /**
   * @param loaded The number of the last commit in what was loaded.
   * @param mayClaim Whether those who are subscribed already have everything in it.
   */
  constructor(loaded: number, mayClaim: boolean) {
    this.#seen = new SeenCommits(loaded);
    this.#last = loaded;
    this.#mayClaim = mayClaim;
  }

  /** All commits up to this number are in memory: the answer to a read holds them. */
  get upTo(): number {
    return this.#seen.upTo;
  }

  /** The last commit that is known of. */
  get last(): number {
    return this.#last;
  }

  /**
   * All commits up to this number were sent to everybody who is subscribed and was answered; undefined if unknown. A
   * writer that is owed an echo was not sent the commit that holds it.
   *
   * @param owed The commits of the fields that writers are owed, Infinity for one that is not committed; asked now and
   * then. A smaller number than necessary claims nothing wrong, and what is owed later is in later commits.
   * @param now In ms since the epoch.
   */
  claim(isOwing: boolean, owed: () => Iterable<number>, now: number): number | undefined {
    if (!this.#mayClaim) return undefined;
    if (!isOwing) this.#owedAfter = undefined;
    else if (this.#owedAfter === undefined || Math.abs(now - this.#owedAt) > OWED_MS) {
      this.#owedAt = now;
      this.#owedAfter = this.#seen.upTo;
      for (const commit of owed()) this.#owedAfter = Math.min(this.#owedAfter, commit - 1);
    }
    return this.#owedAfter ?? this.#seen.upTo;
  }

  /** What those have who stay subscribed while the document is evicted; undefined if unknown. Nothing is owed then. */
  get evictedClaim(): number | undefined {
    return this.#mayClaim ? this.#seen.upTo : undefined;
  }

  /** A commit took back something that was sent before, and no field has its number for that; or it purged tombstones. */
  tookBack(number: number): void {
    this.#wholeFrom = Math.max(this.#wholeFrom, number);
  }

  /**
   * Whether a client that was sent everything up to a commit may hold fields that are gone without a trace. Which commits
   * held the tombstones that were purged is not known; they were before what was known when that was seen here.
   */
  needsState(known: number, horizon: Horizon | undefined): boolean {
    if (horizon !== this.#horizon) {
      this.#horizon = horizon;
      this.tookBack(this.#last);
    }
    return known < this.#wholeFrom;
  }

  /** What a commit of this or another node holds is in memory. @returns Whether none before it is missing. */
  add(number: number): boolean {
    this.#last = Math.max(this.#last, number);
    return this.#seen.add(number);
  }

  /** The document was loaded again and merged, with all commits up to a number. */
  loaded(upTo: number): void {
    this.#last = Math.max(this.#last, upTo);
    this.#seen.loaded(upTo);
  }

  /** The database was put back to an older state: the numbers known so far will be given again. */
  forget(): void {
    this.#seen = new SeenCommits(0);
    this.#last = 0;
    this.#owedAfter = undefined;
  }
}
