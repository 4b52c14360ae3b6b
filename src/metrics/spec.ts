/** What a metric is; table.ts lists them all. */
export interface MetricSpec {
  /** As Prometheus sees it: prefix `synckit_`, base units, `_total` for counters. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What it means. */
  readonly help: string;
  /**
   * Which part writes it. The acceptor and each shard count in cells of their own, which are added up; a `node` metric
   * is read off the process when it is scraped.
   */
  readonly owner: 'acceptor' | 'shard' | 'both' | 'node';
  /** All values that each label can have; bounded, so never a document, user or address. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram's buckets, ascending, without +Inf; in the unit that the name ends in. */
  readonly buckets?: readonly number[];
}

export type LabelSet = Readonly<Record<string, string>>;

/** Each combination of label values, in a fixed order: the last label changes fastest. */
export function labelSets(spec: MetricSpec): LabelSet[] {
  let sets: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(spec.labels ?? {})) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
