/** A line that both texts have once: where it is in each of them, and its length, in UTF-16 units. */
export interface SharedLine {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Lines that are looked at between two looks at the clock. */
const STRIDE = 4_096;

/**
 * Lines that both texts have once, the most of them that are in the same order in both: most of what two versions of a
 * long text have in common, found in no more time than it takes to sort them.
 *
 * @param until Of `performance.now()`: texts of so many lines that it takes longer count as having none in common.
 */
export function sharedLines(before: string, after: string, until: number): SharedLine[] {
  const known = onceIn(before, until);
  const own = known && onceIn(after, until);
  if (own === undefined) return [];
  const shared: SharedLine[] = [];
  for (const [line, to] of own) {
    const from = known?.get(line) ?? -1;
    if (from >= 0 && to >= 0) shared.push({ from, to, length: line.length });
  }
  // They are in the order of the text that comes.
  return longestAscent(shared);
}

/**
 * Where each line of a text begins; -1 for one that it has more than once. The end of a line belongs to it. Undefined when
 * the time is over.
 */
function onceIn(text: string, until: number): Map<string, number> | undefined {
  const lines = new Map<string, number>();
  let count = 0;
  for (let start = 0; start < text.length;) {
    if (++count % STRIDE === 0 && performance.now() > until) return undefined;
    const end = text.indexOf('\n', start) + 1 || text.length;
    const line = text.slice(start, end);
    lines.set(line, lines.has(line) ? -1 : start);
    start = end;
  }
  return lines;
}

/** The longest of the sequences in which `from` grows. */
function longestAscent(lines: readonly SharedLine[]): SharedLine[] {
  /** Of the sequences of each length, that which ends with the least: its last line. */
  const last: number[] = [];
  const previous = lines.map(({ from }, i) => {
    let [low, high] = [0, last.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lines[last[middle] ?? 0]?.from ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    last[low] = i;
    return last[low - 1];
  });
  const ascent: SharedLine[] = [];
  for (let i = last.at(-1); i !== undefined; i = previous[i]) {
    const line = lines[i];
    if (line !== undefined) ascent.push(line);
  }
  return ascent.reverse();
}
