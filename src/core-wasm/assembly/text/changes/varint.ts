/** Numbers of variable length: seven bits a byte, the lowest first. */
import { MOST } from '../json/decimal';

/** A number takes at most that many bytes. */
export const MOST_BYTES: u32 = 8;

/** Writes the number and returns where it ends. */
export function writeVarint(at: usize, number: u64): usize {
  while (number >= 0x80) {
    store<u8>(at++, (<u32>number) | 0x80);
    number >>= 7;
  }
  store<u8>(at, <u32>number);
  return at + 1;
}

let value: u64 = 0;

/** The number read last. */
export function varintRead(): u64 {
  return value;
}

/** Reads a number. Returns the address after it, or 0 if it is cut off or above 2^53 - 1. */
export function readVarint(at: usize, end: usize): usize {
  let sum: u64 = 0;
  for (let shift: u64 = 0; shift < 56; shift += 7) {
    if (at >= end) return 0;
    const byte: u64 = load<u8>(at++);
    sum |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = sum;
      return sum <= MOST ? at : 0;
    }
  }
  return 0;
}
