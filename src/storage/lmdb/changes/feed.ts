/** The feed of changes in LMDB, read by a thread of its own. */
import { setImmediate } from 'node:timers/promises';
import { decodeCursor, encodeCursor } from '../../changes/cursor.js';
import {
  maxPageEntries,
  type ChangeFeed,
  type FeedEntry,
  type FeedPage,
  type FeedRequest,
  type PruneRequest,
} from '../../changes/port.js';
import { openFolder, type ByteStore, type FolderOptions } from '../folder.js';
import { PageGuard } from '../page-guard.js';
import { bytesPerRow } from '../prepare.js';
import { Transactions } from '../transactions.js';
import {
  decodeChange,
  decodePlace,
  decodeState,
  encodeState,
  entriesEnd,
  entryKey,
  placeKey,
  placeOfKey,
  stateKey,
  type FeedState,
} from './keys.js';
import { startRecording, stateIn } from './recorder.js';

const looksPerTurn = 100;

/** Opens the feed of a data directory in a thread that has not opened its documents. @throws As `openFolder`. */
export function openLmdbChanges(options: FolderOptions): ChangeFeed {
  const store = openFolder(options);
  startRecording(store, true);
  return new LmdbChanges(store, options.directory);
}

interface Read {
  readonly state: FeedState;
  readonly entries: readonly FeedEntry[];
}

class LmdbChanges implements ChangeFeed {
  readonly #store: ByteStore;
  readonly #transactions: Transactions;
  readonly #guard: PageGuard;

  constructor(store: ByteStore, directory: string) {
    this.#store = store;
    this.#transactions = new Transactions(store, { directory });
    this.#guard = new PageGuard(store, directory);
  }

  async read({ after, limit }: FeedRequest): Promise<FeedPage | undefined> {
    const cursor = after === undefined ? undefined : decodeCursor(after);
    if (after !== undefined && cursor === undefined) return undefined;
    const { state, entries } = await this.#read(cursor?.place[0], Math.min(limit, maxPageEntries));
    const { name, floor, last } = state;
    const start = cursor?.place[0] ?? floor;
    if (cursor !== undefined && (cursor.feed !== name || start < floor || start > last)) return undefined;
    return { entries, cursor: entries.at(-1)?.cursor ?? cursorOf(state, start) };
  }

  async end(): Promise<string> {
    const { state } = await this.#read(undefined, 0);
    return cursorOf(state, state.last);
  }

  newest(): Promise<string> {
    return this.end();
  }

  async prune({ before, maxEntries, keepAfter }: PruneRequest): Promise<number> {
    const { state, entries } = await this.#read('all', maxPageEntries);
    const kept = keepAfter === undefined ? undefined : decodeCursor(keepAfter);
    const needed = kept?.feed === state.name ? kept.place[0] : Infinity;
    const surplus = state.entries - maxEntries;
    const places = entries.flatMap(({ cursor, at }, i) => {
      const place = decodeCursor(cursor)?.place[0] ?? Infinity;
      return place <= needed && (i < surplus || at < before) ? [place] : [];
    });
    if (places.length === 0) return 0;
    return this.#transactions.write(places.length * 3 * bytesPerRow, () => {
      const state = stateIn(this.#store);
      const removed = places.filter((place) => removeEntry(this.#store, place));
      const floor = Math.max(state.floor, ...places);
      void this.#store.put(stateKey, encodeState({ ...state, floor, entries: state.entries - removed.length }));
      return removed.length;
    });
  }

  async close(): Promise<void> {
    await this.#transactions.close();
    this.#guard.close();
  }

  /** From one snapshot. @param after Undefined for what may be read; `all` also for what is left of a former feed. */
  async #read(after: number | 'all' | undefined, limit: number): Promise<Read> {
    // Else it may be that of an earlier read in this turn of the event loop, older than commits of other threads.
    this.#store.resetReadTxn();
    const snapshot = this.#transactions.snapshot();
    try {
      const meta = this.#guard.meta();
      this.#guard.checkSeek(stateKey, meta);
      const bytes = this.#store.get(stateKey, { transaction: snapshot });
      const state = bytes === undefined ? { name: '', last: 0, floor: 0, entries: 0 } : decodeState(bytes);
      const entries: FeedEntry[] = [];
      let start = entryKey(after === 'all' ? 1 : Math.max(after ?? 0, state.floor) + 1);
      while (entries.length < limit) {
        if (entries.length % looksPerTurn === looksPerTurn - 1) await setImmediate();
        this.#guard.checkSeek(start, meta);
        const [entry] = this.#store.getRange({ start, end: entriesEnd, limit: 1, transaction: snapshot });
        if (entry === undefined) break;
        const place = placeOfKey(entry.key);
        entries.push({ ...decodeChange(entry.value), cursor: cursorOf(state, place) });
        start = entryKey(place + 1);
      }
      return { state, entries };
    } finally {
      snapshot.done();
    }
  }
}

/** Returns whether it was there: the document may have changed meanwhile. */
function removeEntry(store: ByteStore, place: number): boolean {
  const bytes = store.get(entryKey(place));
  if (bytes === undefined) return false;
  const key = placeKey(decodeChange(bytes).documentId);
  store.removeSync(entryKey(place));
  const current = store.get(key);
  if (current !== undefined && decodePlace(current) === place) store.removeSync(key);
  return true;
}

function cursorOf({ name }: FeedState, place: number): string {
  return encodeCursor({ feed: name, place: [place, 0] });
}
