/** The feed of changes in memory: for tests and throw-away nodes. */
import { randomBytes } from 'node:crypto';
import { comparePlaces, decodeCursor, encodeCursor, type Place } from './cursor.js';
import {
  maxPageEntries,
  type Change,
  type ChangeFeed,
  type ChangeRecorder,
  type FeedPage,
  type FeedRequest,
  type PruneRequest,
} from './port.js';

export class MemoryChanges implements ChangeFeed, ChangeRecorder {
  readonly #feed = randomBytes(9).toString('base64url');
  /** By document, in the order of their places. */
  readonly #entries = new Map<string, { readonly change: Change; readonly place: number }>();
  #last = 0;
  /** The greatest place that was removed. */
  #floor = 0;

  append(change: Change): void {
    this.#entries.delete(change.documentId);
    this.#entries.set(change.documentId, { change, place: ++this.#last });
  }

  async read({ after, limit }: FeedRequest): Promise<FeedPage | undefined> {
    const start = after === undefined ? this.#floor : this.#placeOf(after);
    if (start === undefined || start < this.#floor || start > this.#last) return undefined;
    const found = [...this.#entries.values()].filter(({ place }) => place > start);
    const page = found.slice(0, Math.min(limit, maxPageEntries));
    return {
      entries: page.map(({ change, place }) => ({ ...change, cursor: this.#cursor(place) })),
      cursor: this.#cursor(page.at(-1)?.place ?? start),
    };
  }

  async end(): Promise<string> {
    return this.#cursor(this.#last);
  }

  newest(): Promise<string> {
    return this.end();
  }

  async prune({ before, maxEntries, keepAfter }: PruneRequest): Promise<number> {
    const needed = keepAfter === undefined ? Infinity : (this.#placeOf(keepAfter) ?? Infinity);
    let surplus = this.#entries.size - maxEntries;
    let removed = 0;
    for (const [documentId, { change, place }] of this.#entries) {
      if (removed === maxPageEntries || comparePlaces([place, 0], [needed, 0]) > 0) break;
      if (surplus-- <= 0 && change.at >= before) break;
      this.#entries.delete(documentId);
      this.#floor = place;
      removed++;
    }
    return removed;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #cursor(place: number): string {
    return encodeCursor({ feed: this.#feed, place: [place, 0] });
  }

  #placeOf(text: string): Place[0] | undefined {
    const cursor = decodeCursor(text);
    return cursor?.feed === this.#feed ? cursor.place[0] : undefined;
  }
}
