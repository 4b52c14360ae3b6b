/** Numbers as JSON has them: digits only. */
import { isDigit, ZERO } from './characters';

/** The greatest number that a clock may be, 2^53 - 1. */
export const MOST: u64 = 9007199254740991;

let value: u64 = 0;

/** The number read last. */
export function numberRead(): u64 {
  return value;
}

/** Reads a number up to `MOST`. Returns the address after it, or 0; the caller checks what follows. */
export function readNumber(at: usize): usize {
  let digit: u32 = <u32>load<u8>(at) - ZERO;
  if (digit > 9) return 0;
  if (digit == 0) {
    value = 0;
    return isDigit(load<u8>(at, 1)) ? 0 : at + 1;
  }
  let sum: u64 = digit;
  let next = at + 1;
  for (; next < at + 17; next++) {
    digit = <u32>load<u8>(next) - ZERO;
    if (digit > 9) break;
    sum = sum * 10 + digit;
  }
  if (digit <= 9 || sum > MOST) return 0;
  value = sum;
  return next;
}

export function digits(number: u64): u32 {
  let count: u32 = 1;
  for (let limit: u64 = 10; number >= limit; limit *= 10) count++;
  return count;
}

/** Writes the number and returns where it ends. */
export function writeNumber(target: usize, number: u64): usize {
  const end = target + digits(number);
  let at = end;
  while (number > 0xffffffff) {
    store<u8>(--at, ZERO + <u32>(number % 10));
    number /= 10;
  }
  let rest = <u32>number;
  do {
    store<u8>(--at, ZERO + (rest % 10));
    rest /= 10;
  } while (rest != 0);
  return end;
}
