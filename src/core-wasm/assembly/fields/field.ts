/** One field: the last write and its place in the order. Fields lie side by side in one block of their document. */
import { allocate, footprint, release, roundUp } from '../memory/blocks';
import { copyBytes } from '../memory/bytes';
import { Writer } from './writer';

@unmanaged
export class Field {
  timestamp: f64;
  counter: f64;
  stamp: f64;
  /** The number of the last commit that stored the write, or one that lost to it; Infinity while none has stored it. */
  commit: f64;
  writer: Writer;
  /** One block: the path, the value right after it, perhaps spare capacity for a longer value. */
  text: usize;
  capacity: u32;
  pathLength: u32;
  valueLength: u32;
  /** Length of the path as a JSON string, quotes included. */
  keyLength: u32;
  deleted: u32;
}

/** A commit, Infinity for none, has named a field: with the write that it has, or with one that loses to it. */
export function noteCommit(field: Field, isWrite: bool, commit: f64): void {
  if (field.commit == Infinity) {
    if (isWrite) field.commit = commit;
  } else if (commit != Infinity && commit > field.commit) {
    field.commit = commit;
  }
}

/** A path length that no path has. */
const NO_PATH: u32 = 0xffffffff;

/** Makes a field a hole, which no path is equal to. Its block and its writer are the caller's business. */
export function makeHole(field: Field): void {
  field.text = 0;
  field.pathLength = NO_PATH;
}

/** Whether the field was erased. */
export function isHole(field: Field): bool {
  return field.text == 0;
}

export function valueOf(field: Field): usize {
  return field.text + field.pathLength;
}

/** Gives a new field its block. Returns the bytes that it takes. */
export function makeText(field: Field, path: usize, pathLength: u32, value: usize, valueLength: u32): u32 {
  const capacity = roundUp(pathLength + valueLength);
  const text = allocate(capacity);
  copyBytes(text, path, pathLength);
  copyBytes(text + pathLength, value, valueLength);
  field.text = text;
  field.capacity = capacity;
  field.pathLength = pathLength;
  field.valueLength = valueLength;
  return footprint(capacity);
}

/** Replaces the value. Returns by how many bytes the field grew (negative: shrank). */
export function replaceValue(field: Field, value: usize, valueLength: u32): i32 {
  const needed = field.pathLength + valueLength;
  field.valueLength = valueLength;
  // A block that is far too large is freed: one large value must not hold its memory for ever.
  if (needed <= field.capacity && needed * 2 + 64 >= field.capacity) {
    copyBytes(valueOf(field), value, valueLength);
    return 0;
  }
  const old = field.text;
  const oldCapacity = field.capacity;
  const grown = makeText(field, old, field.pathLength, value, valueLength);
  release(old);
  return grown - footprint(oldCapacity);
}
