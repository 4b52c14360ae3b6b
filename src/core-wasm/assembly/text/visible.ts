/** What users see of a text. */
import { resetArena, allocateScratch } from '../memory/arena';
import { copyBytes } from '../memory/bytes';
import { recordAt } from '../memory/result';
import { DELETED, WHOLE } from './block';
import { countClusters } from './graphemes/clusters';
import { Document, heldBlock } from './document';
import { growTree, nodeAt, NONE, treeRoot } from './tree';

/** Writes the text and puts its address and length into the result area; valid as long as a state is. */
export function writeText(document: Document): void {
  resetArena();
  const order = walk(document);
  let size: u32 = 0;
  for (let index: u32 = 0; index < shown; index++) {
    const block = heldBlock(document, load<u32>(order + (index << 2)));
    size += block.length;
  }
  const text = allocateScratch(size);
  let at = text;
  for (let index: u32 = 0; index < shown; index++) {
    const block = heldBlock(document, load<u32>(order + (index << 2)));
    copyBytes(at, document.texts + block.text, block.length);
    at += block.length;
  }
  const record = recordAt(0, 8);
  store<usize>(record, text);
  store<u32>(record, size, 4);
}

/** Number of visible clusters. */
export function textLength(document: Document): u32 {
  if (document.visibleVersion == document.version) return document.visible;
  resetArena();
  const order = walk(document);
  let length: u32 = 0;
  for (let index: u32 = 0; index < shown; index++) {
    const block = heldBlock(document, load<u32>(order + (index << 2)));
    length += block.flags & WHOLE ? countClusters(document.texts + block.text, block.length) : block.count;
  }
  document.visible = length;
  document.visibleVersion = document.version;
  return length;
}

/** How many blocks the last walk found visible. */
let shown: u32 = 0;

export function shownBlocks(): u32 {
  return shown;
}

/** Indices of the visible blocks in document order. Not recursive: a tree may be as deep as its text is long. */
export function walk(document: Document): usize {
  growTree(document);
  const order = allocateScratch(document.count * 4);
  shown = 0;
  let index = treeRoot();
  while (index != NONE) {
    while (nodeAt(index).firstLeft != NONE) index = nodeAt(index).firstLeft;
    show(document, order, index);
    const right = nodeAt(index).firstRight;
    index = right != NONE ? right : leave(document, order, index);
  }
  return order;
}

/** Leaves a finished subtree. Returns the next node to visit; shows the parents passed on the way. */
function leave(document: Document, order: usize, index: u32): u32 {
  while (true) {
    const node = nodeAt(index);
    if (node.next != NONE || node.parent == NONE) return node.next;
    const parent = nodeAt(node.parent);
    const wasLeft = parent.lastLeft == index;
    index = node.parent;
    if (!wasLeft) continue;
    show(document, order, index);
    if (parent.firstRight != NONE) return parent.firstRight;
  }
}

function show(document: Document, order: usize, index: u32): void {
  if (heldBlock(document, index).flags & DELETED) return;
  store<u32>(order + (shown++ << 2), index);
}
