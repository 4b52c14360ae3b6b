/** Parts of two texts, in UTF-16 units: from `from` to `fromEnd` of one, from `to` to `toEnd` of the other. */
export interface Pair {
  readonly from: number;
  readonly fromEnd: number;
  readonly to: number;
  readonly toEnd: number;
}

/** Called for what both have in common, in the order of both. */
export type Keep = (from: number, to: number, length: number) => void;

/**
 * Myers' algorithm in linear space. Its time is bounded whatever the texts are, other than that of algorithms that look
 * for parts of one text in the other: texts that repeat themselves make them quadratic.
 */
export class CommonParts {
  readonly #before: Uint16Array;
  readonly #after: Uint16Array;
  /** In ms of the monotonic clock. */
  readonly #until: number;
  readonly #keep: Keep;

  constructor(before: string, after: string, until: number, keep: Keep) {
    this.#before = unitsOf(before);
    this.#after = unitsOf(after);
    this.#until = until;
    this.#keep = keep;
  }

  /** The common beginning and end are always found; between them nothing is searched for when the time is over. */
  find({ from, fromEnd, to, toEnd }: Pair): void {
    const [a, b] = [this.#before, this.#after];
    let start = 0;
    while (from + start < fromEnd && to + start < toEnd && a[from + start] === b[to + start]) start++;
    let end = 0;
    while (fromEnd - end > from + start && toEnd - end > to + start && a[fromEnd - end - 1] === b[toEnd - end - 1]) {
      end++;
    }
    if (start > 0) this.#keep(from, to, start);
    const middle = { from: from + start, fromEnd: fromEnd - end, to: to + start, toEnd: toEnd - end };
    if (middle.from < middle.fromEnd && middle.to < middle.toEnd) this.#split(middle);
    if (end > 0) this.#keep(middle.fromEnd, middle.toEnd, end);
  }

  #split(pair: Pair): void {
    const place = this.#middle(pair);
    if (place === undefined) return;
    const [from, to] = place;
    this.find({ from: pair.from, fromEnd: from, to: pair.to, toEnd: to });
    this.find({ from, fromEnd: pair.fromEnd, to, toEnd: pair.toEnd });
  }

  /** A place that a shortest edit goes through: both ends search for it. Undefined when the time is over, or all differs. */
  #middle({ from, fromEnd, to, toEnd }: Pair): readonly [from: number, to: number] | undefined {
    const [n, m] = [fromEnd - from, toEnd - to];
    const most = Math.ceil((n + m) / 2);
    const forward = new Front(most, n, m);
    const backward = new Front(most, n, m);
    const isOdd = (n - m) % 2 !== 0;
    const [a, b] = [this.#before, this.#after];
    for (let edits = 0; edits < most; edits++) {
      if (performance.now() > this.#until) return undefined;
      const there = forward.step(
        edits,
        (x, y) => a[from + x] === b[to + y],
        isOdd ? (diagonal, x) => x >= n - backward.at(n - m - diagonal) : never,
      );
      if (there !== undefined) return [from + there[0], to + there[1]];
      const back = backward.step(
        edits,
        (x, y) => a[fromEnd - x - 1] === b[toEnd - y - 1],
        isOdd ? never : (diagonal, x) => n - x <= forward.at(n - m - diagonal),
      );
      if (back !== undefined) return [fromEnd - back[0], toEnd - back[1]];
    }
    return undefined;
  }
}

const never = (): boolean => false;
/** Of a diagonal that was not come to. */
const NOWHERE = -Infinity;

/** How far one can get from one end with so many edits, on each diagonal (x - y). */
class Front {
  readonly #reached: Int32Array;
  readonly #middle: number;
  readonly #n: number;
  readonly #m: number;
  /** Diagonals at the sides that have left the texts. */
  #low = 0;
  #high = 0;

  constructor(most: number, n: number, m: number) {
    this.#middle = most + 1;
    this.#reached = new Int32Array(2 * most + 3).fill(-1);
    this.#reached[this.#middle + 1] = 0;
    this.#n = n;
    this.#m = m;
  }

  at(diagonal: number): number {
    const reached = this.#reached[this.#middle + diagonal] ?? -1;
    return reached === -1 ? NOWHERE : reached;
  }

  /** @returns Where it has met the other front, if it has. */
  step(
    edits: number,
    isSame: (x: number, y: number) => boolean,
    hasMet: (diagonal: number, x: number) => boolean,
  ): readonly [x: number, y: number] | undefined {
    const [n, m, reached] = [this.#n, this.#m, this.#reached];
    for (let diagonal = this.#low - edits; diagonal <= edits - this.#high; diagonal += 2) {
      const i = this.#middle + diagonal;
      const [lower = -1, higher = -1] = [reached[i - 1], reached[i + 1]];
      let x = diagonal === -edits || (diagonal !== edits && lower < higher) ? higher : lower + 1;
      let y = x - diagonal;
      while (x < n && y < m && isSame(x, y)) {
        x++;
        y++;
      }
      reached[i] = x;
      if (x > n) this.#high += 2;
      else if (y > m) this.#low += 2;
      else if (hasMet(diagonal, x)) return [x, y];
    }
    return undefined;
  }
}

function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let i = 0; i < units.length; i++) units[i] = text.charCodeAt(i);
  return units;
}
