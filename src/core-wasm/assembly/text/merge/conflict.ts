/**
 * Clusters of which two states disagree, which happens if two devices share a client id: of each the greater one counts,
 * by the bytes of the text, then by the left and the right origin.
 */
import { allocateScratch } from '../../memory/arena';
import { compareBytes, copyBytes } from '../../memory/bytes';
import { authorAt, Authors, compareAuthors } from '../authors';
import { Block, copyBlock, firstClock, sameOrigins, WHOLE } from '../block';
import { addBlock, blockAt, BlockList } from '../block-list';
import { clusterEnd, countClusters } from '../graphemes/clusters';

/**
 * Adds the greater ones of the first `count` clusters of both blocks. Neighbours with the same origins are one block,
 * unless concatenating them would fuse clusters. Returns whether some cluster differs from that of `y`.
 */
export function settle(
  authors: Authors,
  out: BlockList,
  x: Block,
  xLength: u32,
  y: Block,
  yLength: u32,
  count: u32,
  deleted: u32,
): bool {
  const byOrigins = compareOrigins(authors, x, y);
  const first = firstClock(x);
  const before = out.count;
  const xEnd = x.text + xLength;
  const yEnd = y.text + yLength;
  let xAt = x.text;
  let yAt = y.text;
  /** The clusters, concatenated, and their lengths. */
  let target = allocateScratch(xLength + yLength);
  const lengths = allocateScratch(count * 4);
  let group: u32 = 0;
  let groupText = target;
  let source = y;
  let lost = false;
  for (let index: u32 = 0; index < count; index++) {
    const xNext = count == 1 ? xEnd : clusterEnd(xAt, xEnd);
    const yNext = count == 1 ? yEnd : clusterEnd(yAt, yEnd);
    const order = compareBytes(xAt, <u32>(xNext - xAt), yAt, <u32>(yNext - yAt));
    const xWins = order > 0 || (order == 0 && byOrigins > 0);
    if (xWins) lost = true;
    const winner = xWins ? x : y;
    if (index > group && !sameOrigins(winner, source)) {
      pushGroup(out, source, first, group, index, groupText, lengths, deleted);
      group = index;
      groupText = target;
    }
    source = winner;
    const at = xWins ? xAt : yAt;
    const length = <u32>((xWins ? xNext : yNext) - at);
    copyBytes(target, at, length);
    store<u32>(lengths + (index << 2), length);
    target += length;
    xAt = xNext;
    yAt = yNext;
  }
  pushGroup(out, source, first, group, count, groupText, lengths, deleted);
  // Each piece may be new to a peer that has seen only the other state.
  const added = max(x.added, y.added);
  for (let index = before; index < out.count; index++) blockAt(out, index).added = added;
  return lost;
}

/** The clusters `from` to `to` - 1 as one block, or one block each if concatenating them would fuse some. */
function pushGroup(
  out: BlockList,
  source: Block,
  first: u64,
  from: u32,
  to: u32,
  text: usize,
  lengths: usize,
  deleted: u32,
): void {
  let length: u32 = 0;
  for (let index = from; index < to; index++) length += load<u32>(lengths + (index << 2));
  const apart = to - from > 1 && countClusters(text, length) != to - from;
  let at = text;
  for (let index = from; index < to;) {
    const next = apart ? index + 1 : to;
    const piece = addBlock(out);
    copyBlock(piece, source);
    piece.clock = first + next - 1;
    piece.count = next - index;
    piece.text = at;
    piece.length = apart ? load<u32>(lengths + (index << 2)) : length;
    piece.flags = (source.flags & WHOLE) | deleted;
    piece.size = 0;
    at += piece.length;
    index = next;
  }
}

function compareOrigins(authors: Authors, a: Block, b: Block): i32 {
  const byLeft = compareOrigin(authors, a.left, a.leftClock, b.left, b.leftClock);
  return byLeft != 0 ? byLeft : compareOrigin(authors, a.right, a.rightClock, b.right, b.rightClock);
}

/** None comes first; then clock, name, offset. */
function compareOrigin(authors: Authors, a: u32, aClock: u64, b: u32, bClock: u64): i32 {
  if (a == 0 || b == 0) return <i32>(a != 0) - <i32>(b != 0);
  if (aClock != bClock) return aClock > bClock ? 1 : -1;
  return compareAuthors(authorAt(authors, a - 1), authorAt(authors, b - 1));
}
