/**
 * What the rules for grapheme clusters must know of the cluster so far. They look back no further than to its
 * beginning: whatever connects two characters keeps all between them together too.
 */
import {
  CLASS,
  CONJUNCT,
  CONJUNCT_CONSONANT,
  CONJUNCT_LINKER,
  CONTROL,
  CR,
  EXTEND,
  EXTENDED_PICTOGRAPHIC,
  L,
  LF,
  LV,
  LVT,
  OTHER,
  PREPEND,
  REGIONAL_INDICATOR,
  SPACINGMARK,
  T,
  V,
  ZWJ,
} from './grapheme-table';

/** Class of the last character. */
let last: u32 = OTHER;
/** Whether the number of regional indicators at the end is odd. */
let unpaired: bool = false;
/** A pictograph, then only extending characters, the last character aside. */
let pictograph: bool = false;
/** `CONJUNCT_CONSONANT` after a consonant and its extenders, `CONJUNCT_LINKER` if a linker was among them; else 0. */
let conjunct: u32 = 0;

/** Begins a cluster with its first character. */
export function startCluster(property: u32): void {
  last = OTHER;
  unpaired = false;
  pictograph = false;
  conjunct = 0;
  advance(property);
}

/** Whether the next character belongs to the cluster; if so it does from now on. */
export function extendsCluster(property: u32): bool {
  if (!connects(property & CLASS, property & CONJUNCT)) return false;
  advance(property);
  return true;
}

function advance(property: u32): void {
  const next = property & CLASS;
  unpaired = next == REGIONAL_INDICATOR && !unpaired;
  pictograph = next == EXTENDED_PICTOGRAPHIC || (pictograph && last != ZWJ && (next == EXTEND || next == ZWJ));
  const step = property & CONJUNCT;
  if (step == CONJUNCT_CONSONANT) conjunct = CONJUNCT_CONSONANT;
  else if (step == 0) conjunct = 0;
  else if (step == CONJUNCT_LINKER && conjunct != 0) conjunct = CONJUNCT_LINKER;
  last = next;
}

function connects(next: u32, step: u32): bool {
  if (last == CR && next == LF) return true; // GB3
  if (isControl(last) || isControl(next)) return false; // GB4, GB5
  if (next == EXTEND || next == ZWJ || next == SPACINGMARK) return true; // GB9, GB9a
  if (last == PREPEND) return true; // GB9b
  if (last == L) return next == L || next == V || next == LV || next == LVT; // GB6
  if (last == LV || last == V) return next == V || next == T; // GB7
  if (last == LVT || last == T) return next == T; // GB8
  if (step == CONJUNCT_CONSONANT && conjunct == CONJUNCT_LINKER) return true; // GB9c
  if (next == EXTENDED_PICTOGRAPHIC) return last == ZWJ && pictograph; // GB11
  return next == REGIONAL_INDICATOR && unpaired; // GB12, GB13
}

function isControl(value: u32): bool {
  return value == CONTROL || value == CR || value == LF;
}
