import { labelSets, type LabelSet, type MetricSpec } from './spec.js';

/** A histogram as the hot path sees it. */
export interface Histogram {
  /** Records a value, in the unit of the metric. */
  observe(value: number): void;
}

/** A counter as the hot path sees it. */
export interface Counter {
  add(amount: number): void;
}

/** Used while metrics are disabled. */
const nothing: Counter & Histogram = { add: () => undefined, observe: () => undefined };

/**
 * The values of one owner's metrics: one array of doubles, written by one thread. The array of a shard is in shared
 * memory, so that a scrape reads it without a message to the shard, and counting costs a few nanoseconds.
 *
 * The array holds the metrics in the order of the specs. A counter has one double per label set, in the order of
 * `labelSets`; a histogram has one double per bucket, one for values above all bounds, and one for the sum.
 */
export class Cells {
  readonly #values: Float64Array | undefined;
  readonly #offsets: ReadonlyMap<string, number>;

  /** @param memory From `Cells.allocate` for the same specs; when undefined, nothing is counted. */
  constructor(specs: readonly MetricSpec[], memory: ArrayBufferLike | undefined) {
    this.#values = memory === undefined ? undefined : new Float64Array(memory);
    this.#offsets = layout(specs).offsets;
  }

  /** Zeroed shared memory for the cells of these metrics. */
  static allocate(specs: readonly MetricSpec[]): SharedArrayBuffer {
    return new SharedArrayBuffer(layout(specs).size * Float64Array.BYTES_PER_ELEMENT);
  }

  /** @throws Error when the metric or the label set is not among the specs. */
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

  /**
   * The counters of a metric with one label, by the value of the label. A value that the spec does not list is counted
   * as `other` if the spec has it, else not at all.
   */
  counters(spec: MetricSpec): (value: string) => Counter {
    const [[label, values] = ['', []]] = Object.entries(spec.labels ?? {});
    const byValue = new Map(values.map((value) => [value, this.counter(spec, { [label]: value })]));
    const other = byValue.get('other') ?? nothing;
    return (value) => byValue.get(value) ?? other;
  }

  /** @throws Error when the metric is not among the specs. */
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

  /** The value of a counter; 0 without memory. */
  read(spec: MetricSpec, labels: LabelSet): number {
    return this.#values?.[this.#cellOf(spec, labels)] ?? 0;
  }

  /**
   * The counts of a histogram's buckets (not cumulative; the last is for values above all bounds), and the sum of its
   * values.
   */
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
      // A histogram: its buckets, one above all bounds, and the sum.
      size += spec.type === 'histogram' ? (spec.buckets?.length ?? 0) + 2 : 1;
    }
  }
  return { offsets, size };
}

function cellName(spec: MetricSpec, labels: LabelSet): string {
  return `${spec.name}${JSON.stringify(Object.entries(labels).sort())}`;
}
