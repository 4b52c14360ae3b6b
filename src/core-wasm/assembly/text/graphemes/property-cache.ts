/** Properties of the code points that texts are usually made of, found by one lookup. Made on first use. */
import { allocate } from '../../memory/blocks';
import { clusterProperty } from './grapheme-table';

/** The basic multilingual plane, followed by the range of nearly all emoji. */
const BASIC: u32 = 0x10000;
const EMOJI: u32 = 0x1f000;
const EMOJI_COUNT: u32 = 0x1000;
const UNKNOWN: u32 = 0xff;

let cache: usize = 0;

export function cachedProperty(codePoint: u32): u32 {
  let place = codePoint;
  if (codePoint >= BASIC) {
    if (codePoint - EMOJI >= EMOJI_COUNT) return clusterProperty(codePoint);
    place = codePoint - EMOJI + BASIC;
  }
  if (cache == 0) {
    cache = allocate(BASIC + EMOJI_COUNT);
    memory.fill(cache, <u8>UNKNOWN, BASIC + EMOJI_COUNT);
  }
  const known: u32 = load<u8>(cache + place);
  if (known != UNKNOWN) return known;
  const property = clusterProperty(codePoint);
  store<u8>(cache + place, property);
  return property;
}
