/** Rates and percentiles, from counts that nodes have kept since their starts. */

/** What a node has done since its start. */
export interface NodeCounts {
  /** Names the process: after a restart it counts anew. */
  readonly run: string;
  readonly deliveries: number;
  /** Acknowledged writes per bucket. */
  readonly acks: readonly number[];
}

export interface Rates {
  /** Per second. */
  readonly writes: number;
  readonly deliveries: number;
  /** In seconds; undefined when nothing was acknowledged lately. */
  readonly ackP99: number | undefined;
  /** Writes per second by run. */
  readonly writesOf: ReadonlyMap<string, number>;
}

interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly nodes: ReadonlyMap<string, NodeCounts>;
}

/** Nodes tell of themselves every two seconds: over several such times, rates do not jump. In ms. */
const WINDOW_MS = 8_000;

export class RateMeter {
  readonly #bounds: readonly number[];
  #samples: readonly Sample[] = [];

  /** @param bounds Upper bounds of the buckets but the last, in seconds. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** @param at Milliseconds of any clock. @returns Undefined for the first sample. */
  add(at: number, counts: readonly NodeCounts[]): Rates | undefined {
    const nodes = new Map(counts.map((node) => [node.run, node]));
    const kept = this.#samples.filter((sample, index) => {
      // One that is older than the window is where it begins.
      return at - sample.at <= WINDOW_MS || at - (this.#samples[index + 1]?.at ?? at) > WINDOW_MS;
    });
    this.#samples = [...kept, { at, nodes }];
    const first = kept[0];
    if (first === undefined || at <= first.at) return undefined;
    const seconds = (at - first.at) / 1_000;
    const acks = new Array<number>(this.#bounds.length + 1).fill(0);
    const writesOf = new Map<string, number>();
    let deliveries = 0;
    for (const [run, now] of nodes) {
      // What a node did before it was first seen here is not of this window.
      const before = kept.find((sample) => sample.nodes.has(run))?.nodes.get(run) ?? now;
      deliveries += now.deliveries - before.deliveries;
      const gained = now.acks.map((count, bucket) => count - (before.acks[bucket] ?? 0));
      for (const [bucket, count] of gained.entries()) acks[bucket] = (acks[bucket] ?? 0) + count;
      writesOf.set(run, sumOf(gained) / seconds);
    }
    const writes = sumOf(acks) / seconds;
    return { writes, deliveries: deliveries / seconds, ackP99: percentile(acks, this.#bounds, 0.99), writesOf };
  }
}

/** About the value below which this share lies; within a bucket, values are taken as evenly spread. */
export function percentile(counts: readonly number[], bounds: readonly number[], share: number): number | undefined {
  const total = sumOf(counts);
  if (total <= 0) return undefined;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const [from, to] = [bounds[bucket - 1] ?? 0, bounds[bucket]];
      return to === undefined ? from : from + ((to - from) * (share * total - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
