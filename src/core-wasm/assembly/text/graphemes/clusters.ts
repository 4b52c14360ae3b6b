/** Counting and cutting by extended grapheme clusters. Texts are valid UTF-8. */
import { extendsCluster, startCluster } from './cluster-context';
import { OTHER } from './grapheme-table';
import { cachedProperty } from './property-cache';

const CARRIAGE_RETURN: u32 = 0x0d;
const LINE_FEED: u32 = 0x0a;

/** How many clusters a text has. */
export function countClusters(text: usize, length: u32): u32 {
  const end = text + length;
  let count: u32 = 0;
  let at = text;
  while (at < end) {
    at = passSimple(at, end, u32.MAX_VALUE);
    at = clusterEnd(at, end);
    count += passed + 1;
  }
  return count;
}

/** Bytes of the text's first clusters; it has more than these. */
export function clustersLength(text: usize, length: u32, count: u32): u32 {
  const end = text + length;
  let at = text;
  while (count > 0) {
    at = passSimple(at, end, count - 1);
    at = clusterEnd(at, end);
    count -= passed + 1;
  }
  return <u32>(at - text);
}

/** How many clusters `passSimple` passed. */
let passed: u32 = 0;

/** Passes up to `most` characters that nothing around them could extend; never the last one of the text. */
function passSimple(at: usize, end: usize, most: u32): usize {
  passed = 0;
  // The character after a row may extend the row's last one.
  while (at + 16 <= end && most - passed >= 15 && isPlainRow(at)) {
    passed += 15;
    at += 15;
  }
  let lead: u32 = load<u8>(at);
  if (cachedProperty(codePoint(at, lead)) != OTHER) return at;
  while (passed < most) {
    const next = at + width(lead);
    if (next == end) return at;
    lead = load<u8>(next);
    if (cachedProperty(codePoint(next, lead)) != OTHER) return at;
    at = next;
    passed++;
  }
  return at;
}

/** Where the cluster that begins at `at` ends. */
export function clusterEnd(at: usize, end: usize): usize {
  const first: u32 = load<u8>(at);
  if (first < 0x80) {
    if (at + 1 == end) return end;
    const second: u32 = load<u8>(at, 1);
    if (first == CARRIAGE_RETURN && second == LINE_FEED) return at + 2;
    if (second < 0x80) return at + 1;
  }
  startCluster(cachedProperty(codePoint(at, first)));
  at += width(first);
  while (at < end) {
    const next: u32 = load<u8>(at);
    if (!extendsCluster(cachedProperty(codePoint(at, next)))) return at;
    at += width(next);
  }
  return end;
}

/** Whether 16 bytes are ASCII and no carriage return: each is a cluster, if the last one isn't extended. */
function isPlainRow(at: usize): bool {
  const bytes = v128.load(at);
  const odd = v128.or(bytes, i8x16.eq(bytes, i8x16.splat(<i8>CARRIAGE_RETURN)));
  return i8x16.bitmask(odd) == 0;
}

function width(lead: u32): u32 {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function codePoint(at: usize, lead: u32): u32 {
  if (lead < 0x80) return lead;
  const second: u32 = load<u8>(at, 1) & 63;
  if (lead < 0xe0) return ((lead & 31) << 6) | second;
  const third: u32 = load<u8>(at, 2) & 63;
  if (lead < 0xf0) return ((lead & 15) << 12) | (second << 6) | third;
  return ((lead & 7) << 18) | (second << 12) | (third << 6) | (load<u8>(at, 3) & 63);
}
