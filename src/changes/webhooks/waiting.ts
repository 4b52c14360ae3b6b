/** The events that are read from the feed and not delivered, in its order. */
import type { FeedEntry } from '../../storage/changes/port.js';

export interface WaitingEvent {
  readonly entry: FeedEntry;
  /** Grows with each event that is read. */
  readonly number: number;
  /** The cursor that comes before it. */
  readonly before: string | undefined;
  /** When the first of the events whose place it has taken was read, by `performance.now()`. */
  readonly firstAt: number;
  /** When it is to be sent, by `performance.now()`. */
  readonly dueAt: number;
}

export interface Debounce {
  /** A document that has not changed for so long is told of, in ms. */
  readonly quietMs: number;
  /** And one that keeps changing after so long. */
  readonly maxWaitMs: number;
}

export class WaitingEvents {
  readonly #debounce: Debounce;
  /** By document, in the order of the feed. */
  readonly #events = new Map<string, WaitingEvent>();
  #numbers = 0;

  constructor(debounce: Debounce) {
    this.#debounce = debounce;
  }

  get size(): number {
    return this.#events.size;
  }

  has(documentId: string): boolean {
    return this.#events.has(documentId);
  }

  /** The one that comes first in the feed. */
  first(): WaitingEvent | undefined {
    return this.#events.values().next().value;
  }

  /** An event takes the place of the one before it of its document. @param now By `performance.now()`. */
  add(entry: FeedEntry, before: string | undefined, now: number): void {
    const { documentId } = entry;
    const { quietMs, maxWaitMs } = this.#debounce;
    const firstAt = this.#events.get(documentId)?.firstAt ?? now;
    this.#events.delete(documentId);
    const dueAt = Math.min(now + quietMs, firstAt + maxWaitMs);
    this.#events.set(documentId, { entry, number: ++this.#numbers, before, firstAt, dueAt });
  }

  /** Takes out an event that is due, but for those of some documents. */
  takeDue(now: number, isHeld: (documentId: string) => boolean): WaitingEvent | undefined {
    for (const [documentId, event] of this.#events) {
      if (event.dueAt > now || isHeld(documentId)) continue;
      this.#events.delete(documentId);
      return event;
    }
    return undefined;
  }

  clear(): void {
    this.#events.clear();
  }
}
