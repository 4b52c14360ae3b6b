/** Which answers are asked for anew before their time is over, the oldest first, and not too many at a time. */
export interface RecheckOptions<Entry> {
  /** Age at which an entry is due, in ms; 0 = never. */
  readonly recheckMs: number;
  readonly perSecond: number;
  /** Resolves to whether there was an answer. Never rejects. */
  readonly recheck: (entry: Entry) => Promise<boolean>;
}

/** Time between two looks at the queue, in ms; its cost does not grow with the queue. */
const tickMs = 100;

export class RecheckQueue<Entry> {
  readonly #options: RecheckOptions<Entry>;
  /** By when they were last asked for, the longest ago first; all wait for the same time. */
  readonly #asked = new Map<Entry, number>();
  readonly #urgent = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;
  #allowance = 0;

  constructor(options: RecheckOptions<Entry>) {
    this.#options = options;
  }

  /** By how much the oldest entry is overdue, in ms. */
  get lagMs(): number {
    const { recheckMs } = this.#options;
    for (const at of this.#asked.values()) return recheckMs === 0 ? 0 : Math.max(0, performance.now() - at - recheckMs);
    return 0;
  }

  /**
   * An entry is in use. One that was asked for so long ago that it is due is so at once: else who comes again and again,
   * as HTTP clients do, would never have it asked for.
   *
   * @param askedAt When it was last asked for, by `performance.now()`.
   */
  enter(entry: Entry, askedAt: number): void {
    if (this.#asked.has(entry)) return;
    const now = performance.now();
    const { recheckMs } = this.#options;
    this.#asked.set(entry, now);
    if (recheckMs > 0 && now - askedAt >= recheckMs) this.#urgent.add(entry);
    this.#start();
  }

  /** It is in use no more; if it is due, it is asked for all the same. */
  leave(entry: Entry): void {
    this.#asked.delete(entry);
  }

  /** There is no such entry any more. */
  forget(entry: Entry): void {
    this.#asked.delete(entry);
    this.#urgent.delete(entry);
  }

  /** An entry is due now. */
  hurry(entry: Entry): void {
    this.#urgent.add(entry);
    this.#start();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #start(): void {
    this.#timer ??= setInterval(() => {
      this.#tick();
    }, tickMs).unref();
  }

  #tick(): void {
    const { recheckMs, perSecond } = this.#options;
    this.#allowance = Math.min(Math.max(1, perSecond), this.#allowance + (perSecond * tickMs) / 1_000);
    for (const entry of this.#urgent) {
      if (!this.#take(entry)) return;
    }
    if (recheckMs === 0) return;
    const now = performance.now();
    for (const [entry, at] of this.#asked) {
      if (now - at < recheckMs || !this.#take(entry)) return;
    }
  }

  /** @returns False when so many were asked for that it has to wait. */
  #take(entry: Entry): boolean {
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    const isUrgent = this.#urgent.delete(entry);
    // To the end of the queue.
    if (this.#asked.delete(entry)) this.#asked.set(entry, performance.now());
    void this.#options.recheck(entry).then((isAnswered) => {
      if (!isAnswered && isUrgent && this.#asked.has(entry)) this.#urgent.add(entry);
    });
    return true;
  }
}
