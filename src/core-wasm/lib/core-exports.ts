/**
 * What `assembly/index.ts` exports. Addresses and lengths are 32-bit numbers; those above 2^31 come back negative, so
 * apply `>>> 0` to an address before using it on this side. String arguments of a call lie in the input area.
 */
export interface CoreExports {
  seedHash(a: number, b: number, c: number, d: number): void;
  hashInput(length: number): number;
  allocate(size: number): number;
  release(block: number): void;
  useInput(block: number): void;
  resultArea(): number;

  fieldsOpen(): number;
  fieldsClose(document: number): void;
  fieldsCount(document: number): number;
  fieldsLiveCount(document: number): number;
  fieldsByteSize(document: number): number;
  fieldsTombstoneBytes(document: number): number;
  fieldsLiveBytes(document: number): number;
  fieldsSet(
    document: number,
    clientLength: number,
    pathLength: number,
    valueLength: number,
    deleted: number,
    forced: number,
    timestamp: number,
    counter: number,
    stamp: number,
    commit: number,
  ): number;
  fieldsErase(document: number, pathLength: number): number;
  fieldsGet(document: number, pathLength: number): number;
  fieldsStateLength(document: number): number;
  fieldsWriteState(document: number, target: number): void;
  fieldsCollectWriters(document: number): void;
  fieldsNextWriters(document: number, from: number): number;
  fieldsStartVector(document: number): void;
  fieldsAddVectorEntry(document: number, clientLength: number, seen: number): void;
  fieldsNextChanges(document: number, from: number): number;
  fieldsNextTombstones(document: number, from: number, stamp: number): number;
  fieldsCommitted(document: number, pathLength: number, stamp: number, commit: number): void;
  fieldsCommitOf(document: number, pathLength: number): number;
  fieldsNextUncommitted(document: number, upTo: number, from: number): number;
  fieldsFindStamp(document: number, stamp: number): number;

  passString(length: number): number;
  stage(length: number): number;
  textOpen(): number;
  textClose(document: number): void;
  textVersion(document: number): number;
  textClock(document: number): number;
  textBlockCount(document: number): number;
  textByteSize(document: number): number;
  textStateSize(document: number): number;
  textMerge(document: number, length: number, escaped: number, most: number): number;
  textApply(document: number, count: number): number;
  textWriteState(document: number, escaped: number): void;
  textWriteChanges(document: number, since: number): void;
  textWriteText(document: number): void;
  textLength(document: number): number;
  textWriteVisible(document: number): void;
  textWriteClusterEnds(length: number): void;
}
