/**
 * The tree that defines the order of a text. Blocks hang below those that hold their origins; an in-order walk gives
 * the text. It is exactly the tree that clients build, oddities included.
 */
import { allocateScratch } from '../memory/arena';
import { authorAt } from './authors';
import { firstClock } from './block';
import { Document, heldBlock } from './document';

@unmanaged
export class Node {
  parent: u32;
  /** Distance from the root. */
  depth: u32;
  /** Jump pointer: an ancestor chosen by depth so that any ancestor is a logarithmic number of steps away. */
  jump: u32;
  firstLeft: u32;
  lastLeft: u32;
  firstRight: u32;
  lastRight: u32;
  /** The next child of the same parent on the same side; the next root. */
  next: u32;
}

const NODE: u32 = 32;
export const NONE: u32 = 0xffffffff;

/** More steps than searches among few blocks can use up. */
const MOST_STEPS: u64 = 1_000_000;

let nodes: usize = 0;
let firstRoot: u32 = NONE;
let lastRoot: u32 = NONE;
/** Whether some block hangs below one that comes later, which only a state that no client wrote can have. */
let forward: bool = false;
/** Steps that searches among such blocks may still allocateScratch, in all. */
let patience: u64 = 0;

export function nodeAt(index: u32): Node {
  return changetype<Node>(nodes + index * NODE);
}

export function treeRoot(): u32 {
  return firstRoot;
}

/** Makes the tree of a document in scratch memory. */
export function growTree(document: Document): void {
  const count = document.count;
  const held = groupByAuthor(document);
  nodes = allocateScratch(count * NODE);
  memory.fill(nodes, 0xff, count * NODE);
  firstRoot = NONE;
  lastRoot = NONE;
  forward = false;
  patience = <u64>count * 64 + MOST_STEPS;
  for (let index: u32 = 0; index < count; index++) {
    const block = heldBlock(document, index);
    const left = block.left == 0 ? NONE : findHolder(document, held, block.left - 1, block.leftClock);
    const right = block.right == 0 ? NONE : findHolder(document, held, block.right - 1, block.rightClock);
    if (left == NONE && right == NONE) addRoot(index);
    else if (left == NONE || (right != NONE && isWithin(right, left, index))) addLeft(index, right);
    else addRight(index, left);
  }
}

/** Indices of all blocks, those of each author together, ascending. */
function groupByAuthor(document: Document): usize {
  const authors = document.authors;
  const count = document.count;
  for (let index: u32 = 0; index < authors.count; index++) authorAt(authors, index).heldCount = 0;
  for (let index: u32 = 0; index < count; index++) authorAt(authors, heldBlock(document, index).author).heldCount++;
  let start: u32 = 0;
  for (let index: u32 = 0; index < authors.count; index++) {
    const author = authorAt(authors, index);
    author.heldStart = start;
    start += author.heldCount;
    author.heldCount = 0;
  }
  const held = allocateScratch(count * 4);
  for (let index: u32 = 0; index < count; index++) {
    const author = authorAt(authors, heldBlock(document, index).author);
    store<u32>(held + ((author.heldStart + author.heldCount++) << 2), index);
  }
  return held;
}

/** Index of the block that holds a cluster, or `NONE`. */
function findHolder(document: Document, held: usize, name: u32, clock: u64): u32 {
  const authors = document.authors;
  const author = authorAt(authors, authorAt(authors, name).base);
  const list = held + (author.heldStart << 2);
  let low: u32 = 0;
  let high = author.heldCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (heldBlock(document, load<u32>(list + (middle << 2))).clock < clock) low = middle + 1;
    else high = middle;
  }
  if (low == author.heldCount) return NONE;
  const index = load<u32>(list + (low << 2));
  return firstClock(heldBlock(document, index)) <= clock ? index : NONE;
}

function addRoot(index: u32): void {
  const node = nodeAt(index);
  node.depth = 0;
  node.jump = index;
  if (lastRoot == NONE) firstRoot = index;
  else nodeAt(lastRoot).next = index;
  lastRoot = index;
}

function addLeft(index: u32, parent: u32): void {
  hang(index, parent);
  const above = nodeAt(parent);
  if (above.lastLeft == NONE) above.firstLeft = index;
  else nodeAt(above.lastLeft).next = index;
  above.lastLeft = index;
}

function addRight(index: u32, parent: u32): void {
  hang(index, parent);
  const above = nodeAt(parent);
  if (above.lastRight == NONE) above.firstRight = index;
  else nodeAt(above.lastRight).next = index;
  above.lastRight = index;
}

function hang(index: u32, parent: u32): void {
  const node = nodeAt(index);
  node.parent = parent;
  if (parent >= index) forward = true;
  if (forward) return;
  const above = nodeAt(parent);
  const far = nodeAt(above.jump);
  node.depth = above.depth + 1;
  node.jump = above.depth - far.depth == far.depth - nodeAt(far.jump).depth ? far.jump : parent;
}

/** Whether a node is an ancestor or below it in the tree as far as it has grown: up to the node `size`. */
function isWithin(index: u32, ancestor: u32, size: u32): bool {
  if (forward || index >= size) return searchUp(index, ancestor);
  if (ancestor >= size) return false;
  const depth = nodeAt(ancestor).depth;
  while (nodeAt(index).depth > depth) {
    const node = nodeAt(index);
    index = nodeAt(node.jump).depth >= depth ? node.jump : node.parent;
  }
  return index == ancestor;
}

/** Walks up the parents, for trees that were not built from their roots. */
function searchUp(index: u32, ancestor: u32): bool {
  // Brent's cycle detection: meeting this node again means a cycle. It moves on now and then, as cycles may begin
  // further up.
  let mark = index;
  let steps: u64 = 0;
  let limit: u64 = 1;
  while (index != ancestor) {
    index = nodeAt(index).parent;
    if (index == NONE || index == mark || patience == 0) return false;
    patience--;
    if (++steps == limit) {
      mark = index;
      limit = steps * 2;
    }
  }
  return true;
}
