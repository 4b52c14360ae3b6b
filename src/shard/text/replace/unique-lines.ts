/** A line that both texts have once: where it is in each of them, and its length, in UTF-16 units. */
export interface SharedLine {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/**
 * Lines that both texts have once, the most of them that are in the same order in both: most of what two versions of a
 * long text have in common, found in no more time than it takes to sort them.
 */
export function sharedLines(before: string, after: string): SharedLine[] {
  const known = onceIn(before);
  const shared: SharedLine[] = [];
  for (const [line, to] of onceIn(after)) {
    const from = known.get(line) ?? -1;
    if (from >= 0 && to >= 0) shared.push({ from, to, length: line.length });
  }
  // They are in the order of the text that comes.
  return longestAscent(shared);
}

/** Where each line of a text begins; -1 for one that it has more than once. The end of a line belongs to it. */
function onceIn(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  for (let start = 0; start < text.length;) {
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
