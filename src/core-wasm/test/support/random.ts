/** Random numbers that a seed repeats. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    // A Weyl sequence, its numbers mixed by multiplying and folding.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    const index = this.below(list.length);
    const item = list[index];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  shuffle<T>(list: readonly T[]): T[] {
    const shuffled: T[] = [];
    for (const item of list) {
      const place = this.below(shuffled.length + 1);
      shuffled.splice(place, 0, item);
    }
    return shuffled;
  }
}

/** Seeds that once failed; they run every time. */
const pinned = [1, 20_240_601];

/**
 * The seeds to play: the pinned ones and some random ones. `SEEDS=500` plays that many; `SEED=7` starts at 7 and leaves
 * the pinned ones out, so `SEED=7 SEEDS=1` repeats just that one.
 */
export function seeds(random = 30): number[] {
  const amount = natural('SEEDS') ?? random;
  const start = natural('SEED');
  const first = start ?? Math.floor(Math.random() * 1e9);
  return [...(start === undefined ? pinned : []), ...Array.from({ length: amount }, (_, index) => first + index)];
}

/** For the name of a test: which seeds it plays. */
export function naming(list: readonly number[]): string {
  const others = list.filter((seed) => !pinned.includes(seed));
  const range = others.length === 0 ? '' : ` ${others.at(0) ?? 0} to ${others.at(-1) ?? 0}`;
  return `seeds${range}${others.length < list.length ? `, ${pinned.join(', ')}` : ''}`;
}

function natural(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new RangeError(`${variable} must be a number from 1 on`);
  return Number(text);
}
