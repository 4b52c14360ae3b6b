/** Ticks of a stamp per millisecond: room for a thousand writes of one document in each. */
const TICKS_PER_MS = 1024;
/** A time, or a length of time, in ticks of a stamp. @param ms Milliseconds. */
export function ticksOf(ms: number): number {
  return ms * TICKS_PER_MS;
}

/**
 * A wall clock is followed up to here, in ms since the epoch: an L that is no exact number any more would be refused by
 * the storage, and with it every later write of the document, on every node.
 */
const LATEST = Date.UTC(2200, 0);

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
    return entry + 1 < (Math.min(now, LATEST) + this.#maxSkewMs) * TICKS_PER_MS;
  }

  /**
   * The L to go on from for a document that was loaded with this one. What was sent after the last commit is not
   * stored; where the wall clock does not carry L past it, a gap of a second does.
   */
  resume(stored: number, now: number): number {
    return stored >= now * TICKS_PER_MS ? stored + 1000 * TICKS_PER_MS : stored;
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
