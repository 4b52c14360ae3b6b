/**
 * SipHash-1-3 with a secret key. Paths and client ids are chosen by clients: with a hash that can be predicted, one of
 * them could send names that all fall into the same place of a table and make every lookup linear.
 */
import { inputArea } from './input';

let key0: u64 = 0;
let key1: u64 = 0;

/** Sets the key, 128 bits in four words. Tables made before hold hashes of the old key: call it once, at the start. */
export function seedHash(a: u32, b: u32, c: u32, d: u32): void {
  key0 = ((<u64>a) << 32) | b;
  key1 = ((<u64>c) << 32) | d;
}

/** The hash of the first `length` bytes of the input area; lets a test compare with the definition. */
export function hashInput(length: u32): u32 {
  return hashBytes(inputArea(), length);
}

export function hashBytes(bytes: usize, length: u32): u32 {
  let v0 = key0 ^ 0x736f6d6570736575;
  let v1 = key1 ^ 0x646f72616e646f6d;
  let v2 = key0 ^ 0x6c7967656e657261;
  let v3 = key1 ^ 0x7465646279746573;

  const whole = length & ~7;
  // The words of the message, the padded last one, then three rounds of finish (rounds - 3 … rounds - 1).
  const words = (whole >> 3) + 1;
  const rounds = words + 3;
  for (let round: u32 = 0; round < rounds; round++) {
    let word: u64 = 0;
    if (round < words) {
      word = round < words - 1 ? load<u64>(bytes + (round << 3)) : lastWord(bytes + whole, length);
      v3 ^= word;
    } else if (round == words) {
      v2 ^= 0xff;
    }

    v0 += v1;
    v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);

    v0 ^= word;
  }
  return <u32>(v0 ^ v1 ^ v2 ^ v3);
}

/** The bytes after the last whole word, little-endian, and the length of the message in the top byte. */
function lastWord(tail: usize, length: u32): u64 {
  let word = (<u64>length) << 56;
  let shift: u64 = 0;
  if (length & 4) {
    word |= <u64>load<u32>(tail);
    tail += 4;
    shift = 32;
  }
  if (length & 2) {
    word |= (<u64>load<u16>(tail)) << shift;
    tail += 2;
    shift += 16;
  }
  if (length & 1) word |= (<u64>load<u8>(tail)) << shift;
  return word;
}
