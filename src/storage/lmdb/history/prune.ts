/** Keeps histories in LMDB in bounds. */

import { maxPruned, type HistoryEntry, type Prune, type Pruned } from '../../history/port.js';
import { textNeededFrom } from '../../history/text-at.js';
import type { ByteStore } from '../folder.js';
import {
  decodeEntry,
  decodeRecord,
  encodeRecord,
  historyKey,
  newRecord,
  partKey,
  partRange,
  parts,
  placeOf,
} from './format.js';

const { textUpdates, textBytes, wholeBytes } = newRecord(0);
const newText = { textUpdates, textBytes, wholeBytes };

/** Drops the oldest entries of a history; call it inside a write transaction. @throws CorruptEntry */
export function prune(store: ByteStore, { documentId, before, keep }: Prune): Pruned {
  const stored = store.get(historyKey(documentId));
  const record = stored === undefined ? undefined : decodeRecord(stored);
  if (record === undefined || record.entries === 0) return { entries: 0, hasMore: false };
  const first = partKey(documentId, parts.entry, { commit: record.pruned, index: Infinity });
  const excess = record.entries - keep;
  // Without their values, which may be large.
  const dropped: Pick<HistoryEntry, 'kind' | 'commit' | 'index' | 'at'>[] = [];
  let oldestAt = 0;
  let hasMore = false;
  for (const { key, value } of store.getRange({ start: first, end: partRange(documentId, parts.entry).end })) {
    const entry = decodeEntry(placeOf(key), value);
    const isDue = entry.at < before || dropped.length < excess;
    const isOfLast = dropped.at(-1)?.commit === entry.commit;
    if ((!isDue || dropped.length >= maxPruned) && !isOfLast) {
      oldestAt = entry.at;
      hasMore = isDue;
      break;
    }
    const { kind, commit, index, at } = entry;
    dropped.push({ kind, commit, index, at });
  }
  const last = dropped.at(-1);
  if (last === undefined) return { entries: 0, hasMore: false };
  for (const entry of dropped) if (entry.kind === 'field') store.removeSync(partKey(documentId, parts.entry, entry));
  const text = pruneText(store, documentId, last.commit);
  const rest = { pruned: last.commit, keptSince: last.at, entries: record.entries - dropped.length, oldestAt };
  const changed = { ...record, ...rest, ...(text === 'none' ? newText : {}) };
  store.putSync(historyKey(documentId), encodeRecord(changed));
  return { entries: dropped.length, hasMore };
}

/** Drops what of the text is not needed any more. @returns Whether anything of it is left. */
function pruneText(store: ByteStore, documentId: string, upTo: number): 'some' | 'none' {
  const commitsIn = (part: 2 | 3): number[] =>
    Array.from(store.getKeys(partRange(documentId, part)), (key) => placeOf(key).commit);
  const from = textNeededFrom(commitsIn(parts.update), commitsIn(parts.whole), upTo);
  for (const part of [parts.update, parts.whole] as const) {
    const keys = Array.from(store.getKeys(partRange(documentId, part)), (key) => Buffer.from(key));
    for (const key of keys) {
      const place = placeOf(key);
      if (place.commit >= from) break;
      store.removeSync(key);
      if (part === parts.update) store.removeSync(partKey(documentId, parts.entry, place));
    }
  }
  return from === Infinity ? 'none' : 'some';
}
