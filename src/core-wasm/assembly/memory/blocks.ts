/** Blocks of linear memory. Everything lives in them: no managed object is ever made. */

/** Bytes of the allocator's header before each block. */
const HEADER: u32 = 4;

/**
 * The payload that a block for `size` bytes really has. The allocator (TLSF) rounds up so that header and payload fill
 * 16-byte units; a caller that requests the rounded size may use all of it.
 */
export function roundUp(size: u32): u32 {
  return size <= 12 ? 12 : ((size + HEADER + 15) & ~15) - HEADER;
}

/** Bytes that a block of `size` bytes occupies, its header included. */
export function footprint(size: u32): u32 {
  return roundUp(size) + HEADER;
}

/** A block whose content is undefined. Traps when memory is at its maximum. */
export function allocate(size: u32): usize {
  return heap.alloc(size);
}

export function release(block: usize): void {
  heap.free(block);
}
