import { AcceptorMetrics } from './acceptor-metrics.js';
import { collectDefaultMetrics, Gauge, Registry, type Metric } from 'prom-client';
import { Cells } from './cells.js';
import { labelSets, type LabelSet, type MetricSpec } from './spec.js';
import { cellsOf, metrics } from './table.js';

/** The current value of a `node` metric for each label set. */
export type Read = (labels: LabelSet) => number;

/** How to read each metric whose owner is `node`. */
export type NodeReads = Readonly<Record<NodeMetric, Read>>;

type Table = typeof metrics;
type NodeMetric = { [K in keyof Table]: Table[K]['owner'] extends 'node' ? K : never }[keyof Table];

interface Sample {
  readonly metricName?: string;
  readonly value: number;
  readonly labels: Record<string, string | number>;
}

/** All metrics of a process, and their export for Prometheus. */
export class MetricsRegistry {
  /** The metrics that the acceptor counts. */
  readonly acceptor: AcceptorMetrics;
  readonly #acceptorCells: Cells;
  readonly #registry = new Registry();
  readonly #shards: Cells[] = [];

  /**
   * @param version Of the server, for `synckit_build_info`.
   * @param names Of this process in the log and in `/health`, for `synckit_node_info`.
   */
  constructor(reads: NodeReads, version: string, names: { readonly node: string; readonly id: string }) {
    const memory = Cells.allocate(cellsOf('acceptor'));
    this.acceptor = new AcceptorMetrics(memory);
    this.#acceptorCells = new Cells(cellsOf('acceptor'), memory);
    collectDefaultMetrics({ register: this.#registry });
    const info = new Gauge({
      name: 'synckit_build_info',
      help: 'Always 1; the version is a label.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    });
    info.set({ version, node: process.version }, 1);
    const identity = new Gauge({
      name: 'synckit_node_info',
      help: 'Always 1; the names of the process elsewhere are labels.',
      labelNames: ['node', 'id', 'pid'],
      registers: [this.#registry],
    });
    identity.set({ ...names, pid: process.pid }, 1);
    for (const [key, spec] of Object.entries<MetricSpec>(metrics)) {
      this.#register(spec, () => this.#samples(spec, reads[key as NodeMetric]));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Allocates the memory in which the worker of a shard counts. It outlives the worker, so counters never decrease. */
  addShard(): SharedArrayBuffer {
    const specs = cellsOf('shard');
    const memory = Cells.allocate(specs);
    this.#shards.push(new Cells(specs, memory));
    return memory;
  }

  /** What the process has done since its start. */
  activity(): { readonly deliveries: number; readonly acks: readonly number[] } {
    const cells = this.#acceptorCells;
    return { deliveries: cells.read(metrics.deliveries, {}), acks: cells.readHistogram(metrics.ackLatency).counts };
  }

  /** The metrics in the text format of Prometheus. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /**
   * Registers a metric whose values are read at each scrape. The properties are those that prom-client's registry uses.
   */
  #register(spec: MetricSpec, values: () => Sample[]): void {
    const metric = {
      name: spec.name,
      help: spec.help,
      type: spec.type,
      aggregator: 'sum',
      collect: () => undefined,
      reset: () => undefined,
      get: () => Promise.resolve({ ...metric, values: values() }),
    };
    this.#registry.registerMetric(metric as unknown as Metric);
  }

  #samples(spec: MetricSpec, read: Read | undefined): Sample[] {
    if (spec.type === 'histogram') return this.#histogram(spec);
    return labelSets(spec).map((labels) => ({
      labels,
      value: spec.owner === 'node' ? (read?.(labels) ?? 0) : this.#sum(spec, labels),
    }));
  }

  #sum(spec: MetricSpec, labels: LabelSet): number {
    return this.#cellsFor(spec).reduce((sum, cells) => sum + cells.read(spec, labels), 0);
  }

  #histogram(spec: MetricSpec): Sample[] {
    const bounds = spec.buckets ?? [];
    const counts = new Array<number>(bounds.length + 1).fill(0);
    let sum = 0;
    for (const cells of this.#cellsFor(spec)) {
      const part = cells.readHistogram(spec);
      part.counts.forEach((count, i) => (counts[i] = (counts[i] ?? 0) + count));
      sum += part.sum;
    }
    let below = 0;
    const samples: Sample[] = counts.map((count, i) => {
      below += count;
      return { metricName: `${spec.name}_bucket`, labels: { le: bounds[i] ?? '+Inf' }, value: below };
    });
    samples.push({ metricName: `${spec.name}_sum`, labels: {}, value: sum });
    samples.push({ metricName: `${spec.name}_count`, labels: {}, value: below });
    return samples;
  }

  #cellsFor(spec: MetricSpec): Cells[] {
    switch (spec.owner) {
      case 'acceptor':
        return [this.#acceptorCells];
      case 'shard':
        return this.#shards;
      case 'both':
        return [this.#acceptorCells, ...this.#shards];
      case 'node':
        return [];
    }
  }
}
