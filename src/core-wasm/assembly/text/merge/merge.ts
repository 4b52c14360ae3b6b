/** Joining an incoming state into a document. */
import { arrange } from './arrange';
import { dropAuthors } from '../authors';
import { commit } from './commit';
import { adoptClient, Document, dropClient, stateSize, textStateSize } from '../document';
import { Incoming } from './incoming';
import { secondLost } from './join';
import { newBlocksLag, newBlocksOverlap, selectNew } from './new-blocks';
import { makePlan } from './plan';
import { readState } from '../json/read-state';
import { stagedArea } from './staging';
import { unescape, unescapedCanonical, unescapedLength, unescapedText } from '../json/unescape';

/** Answers: `mergeAnswer` in lib/layout.ts. */
const CHANGED: i32 = 1;
const SAME: i32 = 2;
const CANONICAL: i32 = 4;
export const INVALID: i32 = -1;
const TOO_LARGE: i32 = -2;

/**
 * Joins the state in the staging area.
 *
 * @param most Most bytes that the result may have in JSON.
 */
export function mergeText(document: Document, length: u32, escaped: bool, most: f64): i32 {
  let input = stagedArea();
  if (escaped) {
    if (!unescape(input, length)) return INVALID;
    input = unescapedText();
    length = unescapedLength();
  }
  const incoming = readState(input, length);
  if (!incoming) return INVALID;
  if (escaped && !unescapedCanonical()) incoming.canonical = false;
  arrange(incoming);
  return joinState(document, incoming, most);
}

/** Joins what was read and arranged. */
export function joinState(document: Document, incoming: Incoming, most: f64): i32 {
  const version = document.version + 1;
  const clock = max(document.clock, incoming.clock);
  const authorsBefore = document.authors.count;
  const clientBefore = document.client;
  const sizeBefore = document.client == 0 ? 0 : textStateSize(document);
  const given = incoming.blocks.count;
  const newBlocks = selectNew(document, incoming, version);
  const overlapping = newBlocksOverlap();
  const lagging = newBlocksLag();
  const plan = makePlan(document, newBlocks, overlapping, version);
  const count = document.count + plan.additions.count;
  adoptClient(document, incoming.client, incoming.clientLength);
  const size = <f64>stateSize(document, count, plan.blockBytes, clock);
  // Changes from other nodes may have made a text too large already; a state that doesn't enlarge it is accepted.
  if (size > most && size > sizeBefore) {
    dropAuthors(document.authors, authorsBefore);
    if (clientBefore == 0 && document.client != 0) dropClient(document);
    return TOO_LARGE;
  }
  const changed = clock > document.clock || plan.additions.count > 0 || plan.replacements.count > 0;
  // Each block of the result is a piece of an incoming one, or there would be more of them.
  const same = count == given && !overlapping && !lagging && !secondLost() && !incoming.empties && !incoming.offsets;
  commit(document, plan);
  document.clock = clock;
  if (changed) document.version = version;
  return (changed ? CHANGED : 0) | (same ? SAME : 0) | (incoming.canonical ? CANONICAL : 0);
}
