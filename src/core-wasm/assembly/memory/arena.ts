/**
 * Scratch memory of the running call, a bump allocator: all blocks are freed at once when the next call starts. What a
 * call leaves there for the loader is valid until then.
 */
import { allocate, release } from './blocks';

/** Bytes of a chunk's header: the address of the previous chunk. */
const HEAD: u32 = 16;
const FIRST_CHUNK: u32 = 128 * 1024;
/** More than this is not kept between calls: one large state must not hold its memory for ever. */
const MOST_KEPT: u32 = 8 * 1024 * 1024;

let chunk: usize = 0;
let capacity: u32 = 0;
let used: u32 = 0;
/** Bytes of all chunks. */
let total: u32 = 0;
/** Size of the next first chunk, chosen so that one chunk suffices. */
let wanted: u32 = FIRST_CHUNK;

export function resetArena(): void {
  used = HEAD;
  if (chunk == 0 || (total == capacity && total <= MOST_KEPT)) return;
  wanted = min(max(total, FIRST_CHUNK), MOST_KEPT);
  while (chunk != 0) {
    const before = load<usize>(chunk);
    release(chunk);
    chunk = before;
  }
  capacity = 0;
  total = 0;
}

/** A block at an address that is a multiple of 16, its content undefined. */
export function allocateScratch(size: u32): usize {
  const rounded = (size + 15) & ~15;
  if (chunk == 0 || rounded > capacity - used) addChunk(rounded);
  const block = chunk + used;
  used += rounded;
  return block;
}

function addChunk(size: u32): void {
  // An eighth more than requested: the allocator never fills a large gap exactly.
  const grown = max(max(size + (size >>> 3) + HEAD, wanted), min(total, MOST_KEPT));
  const added = allocate(grown);
  store<usize>(added, chunk);
  chunk = added;
  capacity = grown;
  total += grown;
  used = HEAD;
}
