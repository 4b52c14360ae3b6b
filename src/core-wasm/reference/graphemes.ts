/** Extended grapheme clusters of Unicode 16.0, whatever version the JavaScript engine has. */
import {
  CLASS,
  clusterProperty,
  CONJUNCT,
  CONJUNCT_CONSONANT,
  CONJUNCT_EXTEND,
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
} from './grapheme-table.js';

/** Every character is a cluster here. Other controls would do as well, but they are rare. */
const plain = /^[ -~\n\t]*$/;

/** How many clusters a text has. */
export function clusterCount(text: string): number {
  if (plain.test(text)) return text.length;
  let count = 0;
  for (let start = 0; start < text.length; start = clusterEnd(text, start)) count++;
  return count;
}

/** The clusters of a text. */
export function splitClusters(text: string): string[] {
  if (plain.test(text)) return text.split('');
  const clusters: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = clusterEnd(text, start);
    clusters.push(text.slice(start, end));
    start = end;
  }
  return clusters;
}

/**
 * Where clusters begin, in UTF-16 units.
 *
 * @param counts How many clusters are before each place that is wanted; ascending, at most as many as the text has.
 */
export function clusterOffsets(text: string, counts: readonly number[]): number[] {
  if (plain.test(text)) return [...counts];
  let passed = 0;
  let offset = 0;
  return counts.map((count) => {
    for (; passed < count; passed++) offset = clusterEnd(text, offset);
    return offset;
  });
}

/** Where the cluster that begins at `start` ends. */
function clusterEnd(text: string, start: number): number {
  const context = new ClusterContext();
  let end = start;
  while (end < text.length) {
    const codePoint = text.codePointAt(end) as number;
    if (!context.takes(clusterProperty(codePoint)) && end > start) break;
    end += codePoint > 0xffff ? 2 : 1;
  }
  return end;
}

/**
 * What the rules must know of the cluster so far. They look back no further than to its beginning: whatever connects
 * two characters keeps all between them together too.
 */
class ClusterContext {
  #last = CONTROL;
  /** Regional indicators at the end. */
  #indicators = 0;
  /** A pictograph and then only extending characters, the last one aside. */
  #pictograph = false;
  /** `CONJUNCT_CONSONANT` after a consonant and what extends it, `CONJUNCT_LINKER` if a linker was there too, else 0. */
  #conjunct = 0;

  /** Whether a character belongs to the cluster; the next call is then about the one after it. */
  takes(property: number): boolean {
    const next = property & CLASS;
    const belongs = this.#connects(next, property & CONJUNCT);
    this.#indicators = next === REGIONAL_INDICATOR ? this.#indicators + 1 : 0;
    this.#pictograph = next === EXTENDED_PICTOGRAPHIC || (this.#pictograph && this.#last !== ZWJ && isExtending(next));
    this.#conjunct = conjunctAfter(this.#conjunct, property & CONJUNCT);
    this.#last = next;
    return belongs;
  }

  #connects(next: number, conjunct: number): boolean {
    const last = this.#last;
    if (last === CR && next === LF) return true; // GB3
    if (isControl(last) || isControl(next)) return false; // GB4, GB5
    if (last === L && (next === L || next === V || next === LV || next === LVT)) return true; // GB6
    if ((last === LV || last === V) && (next === V || next === T)) return true; // GB7
    if ((last === LVT || last === T) && next === T) return true; // GB8
    if (isExtending(next) || next === SPACINGMARK) return true; // GB9, GB9a
    if (last === PREPEND) return true; // GB9b
    if (conjunct === CONJUNCT_CONSONANT && this.#conjunct === CONJUNCT_LINKER) return true; // GB9c
    if (last === ZWJ && this.#pictograph && next === EXTENDED_PICTOGRAPHIC) return true; // GB11
    return next === REGIONAL_INDICATOR && this.#indicators % 2 === 1; // GB12, GB13
  }
}

function isControl(value: number): boolean {
  return value > OTHER && value <= CONTROL;
}

function isExtending(value: number): boolean {
  return value === EXTEND || value === ZWJ;
}

function conjunctAfter(before: number, next: number): number {
  switch (next) {
    case CONJUNCT_CONSONANT:
      return CONJUNCT_CONSONANT;
    case CONJUNCT_LINKER:
      return before === 0 ? 0 : CONJUNCT_LINKER;
    case CONJUNCT_EXTEND:
      return before;
    default:
      return 0;
  }
}
