/** The definition of a metric; table.ts lists them all. */
export interface MetricSpec {
  /** Prefix `synckit_`, base unit, `_total` for counters. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One or more sentences for operators: what is counted, and which limit or variable it belongs to. */
  readonly help: string;
  /**
   * The part that counts it. The acceptor and each shard count in their own cells, which are summed up. A `node` metric
   * is read from the process at each scrape.
   */
  readonly owner: 'acceptor' | 'shard' | 'both' | 'node';
  /** All values of each label. They are bounded, so never a document, a user or an address. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram's buckets, ascending, without +Inf; in the unit that the name ends in. */
  readonly buckets?: readonly number[];
}

export type LabelSet = Readonly<Record<string, string>>;

/** All combinations of label values, in a fixed order: the last label varies fastest. */
export function labelSets(spec: MetricSpec): LabelSet[] {
  let sets: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(spec.labels ?? {})) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
