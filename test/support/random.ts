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

  /** An integer from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  shuffle<T>(list: readonly T[]): T[] {
    const shuffled: T[] = [];
    for (const item of list) shuffled.splice(this.below(shuffled.length + 1), 0, item);
    return shuffled;
  }
}

/**
 * Seeds to play: the pinned ones and `count` more from anywhere. `SEEDS=500` plays that many, `SEED=7` just that one.
 */
export function seedsToPlay(pinned: readonly number[], count: number): number[] {
  const one = process.env['SEED'];
  if (one !== undefined) return [Number(one)];
  const start = Math.floor(Math.random() * 1e9);
  return [...pinned, ...Array.from({ length: Number(process.env['SEEDS'] ?? count) }, (_, i) => start + i)];
}
