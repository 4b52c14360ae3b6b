/** Two nodes beside a single one: how long a change takes to the other node, and what sending and receiving it costs. */
import { LoadProcess } from '../load/load-process.js';
import { measure, per, rate, rounded, sleep, warmUp, type Measured } from '../measure.js';
import { BATCH_DELAY_MS, MeasuredServer, SHARDS } from '../servers/measured-server.js';
import { cpuSince, cpuTimes, type CpuTimes } from '../servers/process-stats.js';
import { median } from '../results.js';
import { secret, tokens } from '../load/tokens.js';
import type { Bench } from '../bench.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 3;
/** How often each placement has its turn. */
const TURNS = 5;
const DOCUMENTS = 20;
const VALUE_BYTES = 64;
const FIELDS = 1_000;
/** The rarer writes find their document idle, each of them; of the others several share a flush and a message. */
const RATES = [200, 2_000];

/** A node that gets the writes, the other one, if there is one, and the clients of both. */
interface Placement {
  readonly name: string;
  readonly writing: MeasuredServer;
  readonly other: MeasuredServer | undefined;
  readonly load: LoadProcess;
}

interface Turn extends Measured {
  readonly otherNode: CpuTimes;
  readonly commits: Spent;
  readonly lag: Spent;
  /** Messages on the bus. */
  readonly published: number;
}

/** A time metric: how often, and for how long in all. */
interface Spent {
  readonly count: number;
  readonly seconds: number;
}

export const cluster: Scenario = {
  name: 'cluster',
  about: 'writers on one of two nodes, subscribers on the same one or on the other, beside a single node without a bus',
  rounds: 1,
  conditions: (options) => ({
    documents: `${DOCUMENTS}, each with one writer and one subscriber`,
    clients: 'plain binary; writers may not read, so that they hear nothing',
    storage: 'postgres, fsync on',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    turns: TURNS,
    'seconds per turn': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const placements = await prepare(bench);
    const rows: Row[] = [];
    for (const perSecond of RATES) {
      const turns = new Map(placements.map((placement) => [placement, [] as Turn[]]));
      // One turn warms up the compilers.
      for (let turn = -1; turn < TURNS; turn++) {
        for (const [placement, measured] of turns) {
          const one = await write(bench, placement, perSecond);
          if (turn >= 0) measured.push(one);
        }
      }
      const [single = []] = turns.values();
      for (const [placement, measured] of turns) rows.push(rowOf(`${perSecond} writes/s`, placement, measured, single));
    }
    return rows;
  },
};

/** Each placement has nodes of its own, so that all have done the same when they are measured. */
async function prepare(bench: Bench): Promise<Placement[]> {
  const postgres = await bench.postgres();
  const placements: Placement[] = [];
  for (const name of ['a single node', 'two, subscribers with the writers', 'two, subscribers on the other'] as const) {
    const isSingle = name === 'a single node';
    const bus = isSingle ? {} : { REDIS_URL: (await bench.redis()).url };
    const database = await postgres.database();
    const env = { ...bus, JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'true' };
    const writing = await bench.server({ storage: 'postgres', database, env });
    const other = isSingle ? undefined : await bench.server({ storage: 'postgres', database, env });
    const reading = name === 'two, subscribers on the other' ? (other ?? writing) : writing;
    placements.push({ name, writing, other, load: await openClients(bench, writing, reading) });
  }
  return placements;
}

/** Writers, and after them subscribers. */
async function openClients(bench: Bench, writing: MeasuredServer, reading: MeasuredServer): Promise<LoadProcess> {
  const load = bench.load();
  const writers = tokens(DOCUMENTS, 'writer', { canRead: [] });
  await load.order('open', { port: writing.port, count: DOCUMENTS, tokens: writers });
  await load.order('open', { port: reading.port, count: DOCUMENTS, tokens: tokens(DOCUMENTS, 'reader') });
  await load.order('subscribe', { first: DOCUMENTS, count: DOCUMENTS, documents: DOCUMENTS });
  // Until the bus listens to the documents.
  await sleep(1);
  await warmUp(load, { first: 0, count: DOCUMENTS, documents: DOCUMENTS });
  return load;
}

async function write(bench: Bench, { name, writing, other, load }: Placement, perSecond: number): Promise<Turn> {
  const seconds = bench.options.seconds ?? SECONDS;
  await load.order('write', {
    first: 0,
    count: DOCUMENTS,
    documents: DOCUMENTS,
    fields: FIELDS,
    valueBytes: VALUE_BYTES,
    pace: { perSecond },
  });
  await sleep(0.5);
  const before = { ...(await metricsOf(writing, other)), cpu: other && cpuTimes(other.pid) };
  const measured = await writing.profiled(`cluster-${name}`, () => measure(writing, load, seconds));
  const otherNode = other && before.cpu ? cpuSince(other.pid, before.cpu) : { main: 0, others: 0 };
  const after = await metricsOf(writing, other);
  await load.stopWriting();
  await sleep(0.2);
  return {
    ...measured,
    otherNode,
    commits: since(before.commits, after.commits),
    lag: since(before.lag, after.lag),
    published: after.published - before.published,
  };
}

function rowOf(load: string, { name }: Placement, turns: readonly Turn[], single: readonly Turn[]): Row {
  const each = (number: (turn: Turn) => number): number => median(turns.map(number));
  const ratio = (cost: (turn: Turn) => number): number =>
    median(
      turns.map((turn, i) => perChange(turn, cost) / perChange(single[i] ?? turn, (one) => one.acceptor + one.others)),
    );
  return {
    load,
    placement: name,
    'writes/s acked': each((turn) => rate(turn.acks, turn)),
    'updates/write': each((turn) => per(turn.updates, turn.acks)),
    'write to update p50 ms': each(({ fanout }) => rounded(fanout.p50)),
    'write to update p99 ms': each(({ fanout }) => rounded(fanout.p99)),
    'ack p50 ms': each(({ ack }) => rounded(ack.p50)),
    'ack p99 ms': each(({ ack }) => rounded(ack.p99)),
    'commit ms': each(({ commits }) => per(commits.seconds * 1_000, commits.count)),
    'bus ms': each(({ lag }) => per(lag.seconds * 1_000, lag.count)),
    'writes/message': each((turn) => per(turn.acks, turn.published)),
    'writing node: acceptor µs/write': each((turn) => rounded(perChange(turn, ({ acceptor }) => acceptor))),
    'writing node: others µs/write': each((turn) => rounded(perChange(turn, ({ others }) => others))),
    'other node: acceptor µs/write': each((turn) => rounded(perChange(turn, ({ otherNode }) => otherNode.main))),
    'other node: others µs/write': each((turn) => rounded(perChange(turn, ({ otherNode }) => otherNode.others))),
    'writing node/single': ratio(({ acceptor, others }) => acceptor + others),
    'other node/single': ratio(({ otherNode }) => otherNode.main + otherNode.others),
  };
}

function perChange(turn: Turn, cost: (turn: Turn) => number): number {
  return cost(turn) / turn.acks;
}

interface Metrics {
  readonly commits: Spent;
  readonly lag: Spent;
  readonly published: number;
}

async function metricsOf(writing: MeasuredServer, other: MeasuredServer | undefined): Promise<Metrics> {
  const spent = async (server: MeasuredServer, name: string): Promise<Spent> => ({
    count: await server.metric(`${name}_count`),
    seconds: await server.metric(`${name}_sum`),
  });
  return {
    commits: await spent(writing, 'synckit_commit_seconds'),
    lag: other === undefined ? { count: 0, seconds: 0 } : await spent(other, 'synckit_bus_lag_seconds'),
    published: await writing.metric('synckit_bus_published_total'),
  };
}

function since(before: Spent, after: Spent): Spent {
  return { count: after.count - before.count, seconds: after.seconds - before.seconds };
}
