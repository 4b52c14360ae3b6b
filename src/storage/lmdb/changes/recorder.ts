/** Records changes within the write transaction of their commits. */
import { randomBytes } from 'node:crypto';
import type { Change, ChangeRecorder } from '../../changes/port.js';
import type { ByteStore } from '../folder.js';
import {
  decodePlace,
  decodeState,
  encodeChange,
  encodePlace,
  encodeState,
  entryKey,
  placeKey,
  stateKey,
  type FeedState,
} from './keys.js';

/** Entries that a change puts or removes. */
export const rowsPerChange = 4;

/** To be used in one write transaction: LMDB runs one at a time, so places have the order of commits. */
export class LmdbRecorder implements ChangeRecorder {
  readonly #store: ByteStore;
  #state: FeedState;

  constructor(store: ByteStore) {
    this.#store = store;
    this.#state = stateIn(store);
  }

  /**
   * To be called before the document is put. When the thread is terminated in the middle, LMDB commits what was put: then
   * there may be an entry without its commit, never a commit without its entry.
   */
  append(change: Change): void {
    const store = this.#store;
    const before = store.get(placeKey(change.documentId));
    const { last, entries } = this.#state;
    const place = last + 1;
    this.#state = { ...this.#state, last: place, entries: before === undefined ? entries + 1 : entries };
    // First, so that no place is given twice.
    void store.put(stateKey, encodeState(this.#state));
    void store.put(entryKey(place), encodeChange(change));
    void store.put(placeKey(change.documentId), encodePlace(place));
    if (before !== undefined) store.removeSync(entryKey(decodePlace(before)));
  }
}

/**
 * The state of the feed, which is begun where there is none, or where commits were not recorded. To be called in a write
 * transaction.
 */
export function stateIn(store: ByteStore): FeedState {
  const bytes = store.get(stateKey);
  const state = bytes === undefined ? { name: '', last: 0, floor: 0, entries: 0 } : decodeState(bytes);
  if (state.name !== '') return state;
  const begun = { ...state, name: randomBytes(9).toString('base64url'), floor: state.last };
  void store.put(stateKey, encodeState(begun));
  return begun;
}

/** To be called when a storage is opened: without recording, cursors do not count any more. */
export function startRecording(store: ByteStore, isOn: boolean): void {
  const bytes = store.get(stateKey);
  const isOnBefore = bytes !== undefined && decodeState(bytes).name !== '';
  if (isOn === isOnBefore) return;
  store.transactionSync(() => {
    const state = stateIn(store);
    if (!isOn) void store.put(stateKey, encodeState({ ...state, name: '' }));
  });
}
