import { labelSets, type LabelSet, type MetricSpec } from './spec.js';

/** What the hot path holds of a histogram. */
export interface Histogram {
  /** Counts a value, in the unit of the metric. */
  observe(value: number): void;
}

/** What the hot path holds of a counter. */
export interface Counter {
  add(amount: number): void;
}

/** Counts nothing. */
const nothing: Counter & Histogram = { add: () => undefined, observe: () => undefined };

/**
 * The numbers of one owner's metrics, in one array of doubles that one thread writes. A shard's lies in shared memory,
 * so that a scrape reads it without asking the shard, and counting costs a few nanoseconds.
 */
export class Cells {
  readonly #values: Float64Array | undefined;
  readonly #offsets: ReadonlyMap<string, number>;

  /** @param memory From `Cells.allocate` for the same specs; without it nothing is counted. */
  constructor(specs: readonly MetricSpec[], memory: ArrayBufferLike | undefined) {
    this.#values = memory === undefined ? undefined : new Float64Array(memory);
    this.#offsets = layout(specs).offsets;
  }

  /** Shared memory for the cells of these metrics; all zero. */
  static allocate(specs: readonly MetricSpec[]): SharedArrayBuffer {
    return new SharedArrayBuffer(layout(specs).size * Float64Array.BYTES_PER_ELEMENT);
  }

  counter(spec: MetricSpec, labels: LabelSet = {}): Counter {
    const values = this.#values;
    if (values === undefined) return nothing;
    const at = this.#cellOf(spec, labels);
    return {
      add(amount) {
        values[at] = (values[at] ?? 0) + amount;
      },
    };
  }

  /** Counters of a metric with one label, by the label's value; one for what is not among them, too. */
  counters(spec: MetricSpec): (value: string) => Counter {
    const [[label, values] = ['', []]] = Object.entries(spec.labels ?? {});
    const byValue = new Map(values.map((value) => [value, this.counter(spec, { [label]: value })]));
    const other = byValue.get('other') ?? nothing;
    return (value) => byValue.get(value) ?? other;
  }

  histogram(spec: MetricSpec): Histogram {
    const values = this.#values;
    if (values === undefined) return nothing;
    const bounds = spec.buckets ?? [];
    const at = this.#cellOf(spec, {});
    const sum = at + bounds.length + 1;
    return {
      observe(value) {
        let bucket = 0;
        while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket++;
        values[at + bucket] = (values[at + bucket] ?? 0) + 1;
        values[sum] = (values[sum] ?? 0) + value;
      },
    };
  }

  /** A counter's value. */
  read(spec: MetricSpec, labels: LabelSet): number {
    return this.#values?.[this.#cellOf(spec, labels)] ?? 0;
  }

  /** A histogram's counts by bucket, the last one for what is above all bounds, and the sum of its values. */
  readHistogram(spec: MetricSpec): { counts: number[]; sum: number } {
    const at = this.#cellOf(spec, {});
    const buckets = (spec.buckets?.length ?? 0) + 1;
    return { counts: [...(this.#values?.subarray(at, at + buckets) ?? [])], sum: this.#values?.[at + buckets] ?? 0 };
  }

  #cellOf(spec: MetricSpec, labels: LabelSet): number {
    const at = this.#offsets.get(cellName(spec, labels));
    if (at === undefined) throw new Error(`${cellName(spec, labels)} is not one of these cells`);
    return at;
  }
}

function layout(specs: readonly MetricSpec[]): { offsets: Map<string, number>; size: number } {
  const offsets = new Map<string, number>();
  let size = 0;
  for (const spec of specs) {
    for (const labels of labelSets(spec)) {
      offsets.set(cellName(spec, labels), size);
      // Of a histogram: its buckets, one for what is above them, and the sum.
      size += spec.type === 'histogram' ? (spec.buckets?.length ?? 0) + 2 : 1;
    }
  }
  return { offsets, size };
}

function cellName(spec: MetricSpec, labels: LabelSet): string {
  return `${spec.name}${JSON.stringify(Object.entries(labels).sort())}`;
}
