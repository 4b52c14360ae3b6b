/** Ticks of a stamp per millisecond: room for a thousand writes of one document in each. */
const TICKS_PER_MS = 1024;
/** A time, or a length of time, in ticks of a stamp. @param ms Milliseconds. */
export function ticksOf(ms: number): number {
  return ms * TICKS_PER_MS;
}

/** The time of a stamp, in whole ms since the epoch. */
export function timeOfStamp(stamp: number): number {
  return Math.floor(stamp / TICKS_PER_MS);
}

/**
 * A wall clock is followed up to here, in ms since the epoch: an L that is no exact number any more would be refused by
 * the storage, and with it every later write of the document, on every node.
 */
const LATEST = Date.UTC(2200, 0);

/** How far ahead of the wall clock an L may be that another node has just given, in ms: clocks differ by some. */
const JUST_AHEAD_MS = 100;
/** Gaps in ms; a millisecond has room for a thousand answers and updates of one document. */
const SMALL_GAP_MS = 4;
const GAP_MS = 1_000;

/** No clock comes to a larger L: one that follows a wall clock, or a writer who is a little ahead of it. */
const LARGEST = ticksOf(Date.UTC(2201, 0));

/** Whether somebody may have given this L; others are taken from nobody. Above it there is room for 2^50 more. */
export function isPossibleStamp(stamp: number): boolean {
  return stamp >= 0 && stamp <= LARGEST;
}

/**
 * Gives writes their stamp L, a hybrid logical clock (protocol.md section 3): it grows strictly per document, follows
 * the wall clock across restarts and nodes, and is above the counts that the writer has seen, so that clients take the
 * value that bears it.
 */
export class StampClock {
  readonly #maxSkewMs: number;

  /** @param maxSkewMs How far ahead of this server's clock a client's clock is believed. */
  constructor(maxSkewMs: number) {
    this.#maxSkewMs = maxSkewMs;
  }

  /**
   * @param last The document's last L.
   * @param clockMax Largest entry of the operation's clock; 0 if it has none.
   * @param now Milliseconds since the epoch.
   */
  next(last: number, clockMax: number, now: number): number {
    const wall = Math.min(now, LATEST);
    return Math.max(last + 1, wall * TICKS_PER_MS, this.isBelieved(clockMax, now) ? Math.floor(clockMax) + 1 : 0);
  }

  /** Whether an entry of a clock may be a stamp that this or another node has given. */
  isBelieved(entry: number, now: number): boolean {
    return isPossibleStamp(entry) && entry + 1 < (Math.min(now, LATEST) + this.#maxSkewMs) * TICKS_PER_MS;
  }

  /**
   * The L to go on from for a document that was loaded with this one. What was sent after the last commit is not
   * stored; where the wall clock does not carry L past it, a gap does. An L that is just ahead is one of this moment, as
   * another node has committed it: the gap is small then, since a client may go on to that node, and has to be above it.
   */
  resume(stored: number, now: number): number {
    const ahead = stored - now * TICKS_PER_MS;
    if (ahead < 0) return stored;
    return stored + (ahead <= JUST_AHEAD_MS * TICKS_PER_MS ? SMALL_GAP_MS : GAP_MS) * TICKS_PER_MS;
  }

  /** Whether the wall clock alone is past this L, so that it may be forgotten. */
  isPast(stamp: number, now: number): boolean {
    return stamp < now * TICKS_PER_MS;
  }

  /**
   * A write's time in whole milliseconds, as storage keeps it; replaced by now when it lies too far in the future or is no
   * time at all.
   */
  timestamp(claimed: number, now: number): number {
    return claimed >= 0 && claimed <= now + this.#maxSkewMs ? Math.floor(claimed) : now;
  }
  /** Whether a write's time lies so far in the future that it is not believed. */
  isAhead(claimed: number, now: number): boolean {
    return claimed > now + this.#maxSkewMs;
  }
}
