/** What has a deadline; the fields are those of the set that it is in. */
export interface Due {
  /** When, in ms of the set's clock. */
  dueAt: number;
  /** Its place in the set, -1 when it is in none. */
  duePlace: number;
}

/** Longest delay of a timer, in ms; for what is due later, the timer is started again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Deadlines of many, with one timer: a timer each would take more memory than the rest of a session. A binary heap, the
 * earliest first; O(log n) to add and to remove.
 */
export class Deadlines<T extends Due> {
  readonly #heap: T[] = [];
  readonly #now: () => number;
  readonly #onDue: (due: T) => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #wakesAt = Infinity;

  /**
   * @param now The clock, in ms.
   * @param onDue Called once for each that is due; it is in the set no more.
   */
  constructor(now: () => number, onDue: (due: T) => void) {
    this.#now = now;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** @param due Must be in no set. @param at In ms of the clock. */
  add(due: T, at: number): void {
    due.dueAt = at;
    this.#up(due, this.#heap.length);
    this.#wakeBy(at);
  }

  /** Does nothing for what is in no set; what is in one must be in this one. */
  remove(due: T): void {
    const { duePlace } = due;
    if (duePlace === -1) return;
    due.duePlace = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === due) return;
    // It may belong above or below.
    this.#down(last, duePlace);
    this.#up(last, last.duePlace);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wakeBy(at: number): void {
    if (at >= this.#wakesAt) return;
    clearTimeout(this.#timer);
    this.#wakesAt = at;
    this.#timer = setTimeout(this.#fire, Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - this.#now()))));
  }

  readonly #fire = (): void => {
    this.#wakesAt = Infinity;
    const now = this.#now();
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.dueAt > now) {
        this.#wakeBy(first.dueAt);
        return;
      }
      this.remove(first);
      this.#onDue(first);
    }
  };

  /** Puts it at a place, or above it. */
  #up(due: T, place: number): void {
    let at = place;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = this.#heap[above];
      if (other === undefined || other.dueAt <= due.dueAt) break;
      this.#put(other, at);
      at = above;
    }
    this.#put(due, at);
  }

  /** Puts it at a place, or below it. */
  #down(due: T, place: number): void {
    const heap = this.#heap;
    let at = place;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const other = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left;
      if (other === undefined || other.dueAt >= due.dueAt) break;
      const { duePlace } = other;
      this.#put(other, at);
      at = duePlace;
    }
    this.#put(due, at);
  }

  #put(due: T, place: number): void {
    this.#heap[place] = due;
    due.duePlace = place;
  }
}
