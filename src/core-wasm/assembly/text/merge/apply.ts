/**
 * Joining changes into a document: the blocks of all of them first, then the marks, so that the order of the changes
 * doesn't matter.
 */
import { authorAt, findSame } from '../authors';
import { copyBlock } from '../block';
import { commit } from './commit';
import { Document } from '../document';
import { blockAt, BlockList, makeList } from '../block-list';
import { Incoming, startIncoming } from './incoming';
import { INVALID, joinState } from './merge';
import { makePlan } from './plan';
import { readChanges } from '../changes/read-changes';
import { sortBlocks } from './sort';
import { stagedArea } from './staging';

/** Answers: `applyAnswer` in lib/layout.ts. */
const CHANGED: i32 = 1;
const INCOMPLETE: i32 = 2;

/** Joins `count` changes in the staging area, each a u32 length, its bytes and padding to a multiple of four. */
export function applyChanges(document: Document, count: u32): i32 {
  const incoming = startIncoming(16);
  const marks = makeList(16);
  let at = stagedArea();
  for (let index: u32 = 0; index < count; index++) {
    const length = load<u32>(at);
    if (!readChanges(at + 4, length, incoming, marks)) return INVALID;
    at += 4 + ((length + 3) & ~3);
  }
  const version = document.version;
  sortBlocks(incoming.authors, incoming.blocks);
  // No size limit: the changes come from a document that was accepted before.
  joinState(document, incoming, Infinity);
  const incomplete = joinMarks(document, incoming, marks, version + 1);
  return (document.version != version ? CHANGED : 0) | (incomplete ? INCOMPLETE : 0);
}

/** Cuts and deletes what the marks name. Returns whether the document lacks any of it. */
function joinMarks(document: Document, incoming: Incoming, marks: BlockList, version: u32): bool {
  sortBlocks(incoming.authors, marks);
  let incomplete = false;
  let known: u32 = 0;
  for (let index: u32 = 0; index < marks.count; index++) {
    const mark = blockAt(marks, index);
    const author = findSame(document.authors, authorAt(incoming.authors, mark.author));
    if (author == 0) {
      incomplete = true;
      continue;
    }
    copyBlock(blockAt(marks, known++), mark);
    blockAt(marks, known - 1).author = author - 1;
  }
  marks.count = known;
  if (known == 0) return incomplete;
  const plan = makePlan(document, marks, true, version);
  if (plan.additions.count > 0 || plan.replacements.count > 0) document.version = version;
  commit(document, plan);
  return incomplete || plan.incomplete;
}
