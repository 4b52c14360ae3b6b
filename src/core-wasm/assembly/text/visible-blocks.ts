/** What users see of a text, block by block: for whoever edits it on this side. */
import { allocateScratch, resetArena } from '../memory/arena';
import { copyBytes } from '../memory/bytes';
import { recordAt } from '../memory/result';
import { authorAt } from './authors';
import { Document, heldBlock } from './document';
import { stagedArea } from './merge/staging';
import { clusterEnd } from './graphemes/clusters';
import { shownBlocks, walk } from './visible';

/** Bytes of a record. The loader's side of it is `visibleRecord` in lib/layout.ts. */
const RECORD: u32 = 32;

/**
 * Writes the text, and a record for each visible block in document order: its last clock, how many clocks it covers, its
 * UTF-16 units, its author's number and name. Address and length of both are put into the result area.
 */
export function writeVisible(document: Document): void {
  resetArena();
  const order = walk(document);
  const shown = shownBlocks();
  let size: u32 = 0;
  for (let index: u32 = 0; index < shown; index++) {
    size += heldBlock(document, load<u32>(order + (index << 2))).length;
  }
  const text = allocateScratch(size);
  const records = allocateScratch(shown * RECORD);
  let at = text;
  for (let index: u32 = 0; index < shown; index++) {
    const block = heldBlock(document, load<u32>(order + (index << 2)));
    copyBytes(at, document.texts + block.text, block.length);
    const author = authorAt(document.authors, block.author);
    const record = records + index * RECORD;
    store<f64>(record, <f64>block.clock);
    store<u32>(record, block.count, 8);
    store<u32>(record, unitsOf(at, block.length), 12);
    store<u32>(record, block.author, 16);
    store<usize>(record, author.name, 20);
    store<u32>(record, author.length, 24);
    at += block.length;
  }
  store<usize>(recordAt(0, 8), text);
  store<u32>(recordAt(0, 8), size, 4);
  store<usize>(recordAt(1, 8), records);
  store<u32>(recordAt(1, 8), shown * RECORD, 4);
}

/** Writes where each cluster of the staged text ends, in UTF-16 units, and puts address and length into the result area. */
export function writeClusterEnds(length: u32): void {
  const text = stagedArea();
  const end = text + length;
  const ends = allocateScratch(length * 4);
  let count: u32 = 0;
  let units: u32 = 0;
  for (let at = text; at < end;) {
    const next = clusterEnd(at, end);
    units += unitsOf(at, <u32>(next - at));
    store<u32>(ends + (count++ << 2), units);
    at = next;
  }
  store<usize>(recordAt(0, 8), ends);
  store<u32>(recordAt(0, 8), count * 4, 4);
}

/** UTF-16 units of a text in UTF-8: one for each character, and one more for those of four bytes. */
function unitsOf(text: usize, length: u32): u32 {
  const end = text + length;
  let units: u32 = 0;
  for (let at = text; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
