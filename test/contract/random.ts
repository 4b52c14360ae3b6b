/** Numbers that look random and can be had again: `SEED=… ` in the environment repeats a run. */

export interface Random {
  readonly seed: number;
  /** An integer from 0 up to `below`, which is excluded. */
  below(below: number): number;
  pick<Item>(items: readonly Item[]): Item;
  shuffle<Item>(items: readonly Item[]): Item[];
}

/** The seed of this run: `SEED`, or a new one. Print it. */
export function newSeed(): number {
  return Number(process.env['SEED'] ?? Date.now() % 1_000_000_007);
}

/** mulberry32: small, and good enough to choose test cases. */
export function randomFrom(seed: number): Random {
  let state = seed;
  const below = (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * below);
  };
  return {
    seed,
    below,
    pick: (items) => items[below(items.length)]!,
    shuffle: (items) => {
      const shuffled = [...items];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const other = below(i + 1);
        [shuffled[i], shuffled[other]] = [shuffled[other]!, shuffled[i]!];
      }
      return shuffled;
    },
  };
}
