/** Something whose window may be open. */
export interface Windowed {
  /** Where it is kept while its window is open. */
  lane: Set<this> | undefined;
  /** When its window ends, in ms of the monotonic clock. */
  windowEnd: number;
}

/** Lengths of windows are rounded up to one of these steps, four of which are twice the length. */
const STEP = 2 ** (1 / 4);
/** Timers are no finer, in ms. */
const SHORTEST_MS = 1;

/**
 * Open windows, of few lengths: those of one length end in the order in which they were opened, so all is O(1), however
 * many there are.
 */
export class Windows<T extends Windowed> {
  readonly #lengths: readonly number[];
  readonly #lanes: readonly Set<T>[];
  readonly #onEnd: (item: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /**
   * @param longestMs The longest window; 0 = there are none.
   * @param onEnd Called for each item whose window has ended, no longer open.
   */
  constructor(longestMs: number, onEnd: (item: T) => void) {
    const lengths: number[] = [];
    for (let length = longestMs; length >= SHORTEST_MS; length /= STEP) lengths.push(length);
    this.#lengths = lengths;
    this.#lanes = lengths.map(() => new Set());
    this.#onEnd = onEnd;
  }

  /**
   * Opens the window of an item, anew if it is open. One that is shorter than half a millisecond is none.
   *
   * @param now Milliseconds of the monotonic clock.
   * @param ms Its length; one that is longer than the longest counts as that.
   * @returns Its length as rounded up, in ms; 0 when it is none.
   */
  open(item: T, now: number, ms: number): number {
    item.lane?.delete(item);
    item.lane = undefined;
    const longest = this.#lengths[0];
    if (longest === undefined || ms < SHORTEST_MS / 2) return 0;
    const exact = Math.floor(Math.log(longest / ms) / Math.log(STEP) + ROUNDING);
    const at = Math.min(Math.max(exact, 0), this.#lengths.length - 1);
    const length = this.#lengths[at] ?? longest;
    const lane = this.#lanes[at];
    item.lane = lane;
    item.windowEnd = now + length;
    lane?.add(item);
    this.#wakeAt(item.windowEnd, now);
    return length;
  }

  /** The items whose windows are open. */
  *[Symbol.iterator](): Generator<T> {
    for (const lane of this.#lanes) yield* lane;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wakeAt(end: number, now: number): void {
    if (end >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = end;
    this.#timer = setTimeout(this.#close, Math.ceil(end - now));
  }

  readonly #close = (): void => {
    this.#timerAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const lane of this.#lanes) {
      for (const item of lane) {
        if (item.windowEnd > now) {
          next = Math.min(next, item.windowEnd);
          break;
        }
        lane.delete(item);
        item.lane = undefined;
        this.#onEnd(item);
      }
    }
    if (next < Infinity) this.#wakeAt(next, now);
  };
}

/** Keeps a length that is one of the steps where it is. */
const ROUNDING = 1e-9;
