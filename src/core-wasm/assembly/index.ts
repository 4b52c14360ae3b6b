/** What the module exports. The loader's side of it is `lib/core-exports.ts`; the two change together. */

export { seedHash, hashInput } from './memory/hash';
export { allocate, release } from './memory/blocks';
export { useInput } from './memory/input';
export { resultArea } from './memory/result';
export {
  openDocument as fieldsOpen,
  closeDocument as fieldsClose,
  fieldCount as fieldsCount,
  liveCount as fieldsLiveCount,
  byteSize as fieldsByteSize,
  tombstoneBytes as fieldsTombstoneBytes,
  liveBytes as fieldsLiveBytes,
} from './fields/document';
export { setField as fieldsSet } from './fields/set';
export { eraseField as fieldsErase } from './fields/erase';
export { getField as fieldsGet } from './fields/get';
export { stateLength as fieldsStateLength, writeState as fieldsWriteState } from './fields/state';
export { collectWriters as fieldsCollectWriters, nextWriters as fieldsNextWriters } from './fields/writers';
export {
  startVector as fieldsStartVector,
  addVectorEntry as fieldsAddVectorEntry,
  nextChanges as fieldsNextChanges,
} from './fields/changes';
export { nextTombstones as fieldsNextTombstones } from './fields/tombstones';
export {
  fieldCommitted as fieldsCommitted,
  commitOf as fieldsCommitOf,
  nextUncommitted as fieldsNextUncommitted,
  findStamp as fieldsFindStamp,
} from './fields/commits';
export { stage } from './text/merge/staging';
export {
  openText as textOpen,
  closeText as textClose,
  textVersion,
  textClock,
  textBlockCount,
  textByteSize,
  textStateSize,
} from './text/document';
export { mergeText as textMerge } from './text/merge/merge';
export { applyChanges as textApply } from './text/merge/apply';
export { passString } from './text/json/pass-string';
export { writeTextState as textWriteState } from './text/json/write-state';
export { writeChanges as textWriteChanges } from './text/changes/write-changes';
export { writeText as textWriteText, textLength } from './text/visible';
export { writeVisible as textWriteVisible, writeClusterEnds as textWriteClusterEnds } from './text/visible-blocks';
