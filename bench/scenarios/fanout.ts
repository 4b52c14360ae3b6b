/** One document with many subscribers, beside a bare uWebSockets.js server that makes the same deliveries. */
import { LoadProcess } from '../load/load-process.js';
import { cpuColumns, measure, per, rate, rounded, sleep, type Measured } from '../measure.js';
import { BATCH_DELAY_MS, MeasuredServer, SHARDS } from '../servers/measured-server.js';
import type { Bench } from '../bench.js';
import type { BareSettings } from '../servers/bare-server.js';
import type { Options } from '../options.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 4;
const SUBSCRIBERS = 1_000;
/** Writes per second of the one writer. */
const RATES = [10, 100, 500, 1_000, 2_000];
const WARM_UP_RATE = 1_000;
/** Values of this length make frames of about 250 bytes. */
const VALUE_BYTES = 64;
/** More than a flush holds, so that no write replaces another. */
const FIELDS = 5_000;

interface Side {
  readonly server: MeasuredServer;
  readonly load: LoadProcess;
}

export const fanout: Scenario = {
  name: 'fanout',
  about: 'one document, one writer at rising rates; beside a bare uWebSockets.js server with the same frames per tick',
  rounds: 3,
  conditions: (options) => ({
    subscribers: subscribersOf(options),
    clients: 'plain binary',
    storage: 'memory',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const subscribers = subscribersOf(bench.options);
    const seconds = bench.options.seconds ?? SECONDS;
    // With a fixed window it collects as many frames as the bare one; what the windows by cost do is measured beside.
    const fixed = { storage: 'memory', env: { SYNC_FLUSH_SHARE: '0' } } as const;
    const ours = await prepare(bench, await bench.server(fixed), subscribers);
    const byCost = await prepare(bench, await bench.server({ storage: 'memory' }), subscribers);
    const bare = await prepare(bench, await bench.bareServer(), subscribers);
    // A warm-up: the compilers need long when writes are rare.
    await deliver(ours, 'warm-up', WARM_UP_RATE, subscribers, 1, true);
    await deliver(byCost, 'warm-up', WARM_UP_RATE, subscribers, 1, true);
    await deliver(bare, 'warm-up', WARM_UP_RATE, subscribers, 1, false);
    const rows: Row[] = [];
    for (const writes of RATES) {
      const own = await deliver(ours, 'fanout', writes, subscribers, seconds, true);
      bare.server.send({ frameBytes: Math.round(own.updateBytes / own.updateFrames) } satisfies BareSettings);
      const ceiling = await deliver(bare, 'fanout-bare', writes, subscribers, seconds, false);
      const soon = await deliver(byCost, 'fanout-by-cost', writes, subscribers, seconds, true);
      rows.push(rowOf(writes, own, ceiling, soon));
    }
    return rows;
  },
};

function subscribersOf({ subscribers }: Options): number {
  return subscribers ?? SUBSCRIBERS;
}

/** Opens the subscribers and, after them, the writer; it gets its own writes like all others. */
async function prepare(bench: Bench, server: MeasuredServer, subscribers: number): Promise<Side> {
  const load = bench.load();
  await load.order('open', { port: server.port, count: subscribers + 1 });
  await load.order('subscribe', { first: 0, count: subscribers + 1, documents: 1 });
  return { server, load };
}

async function deliver(
  { server, load }: Side,
  name: string,
  perSecond: number,
  subscribers: number,
  seconds: number,
  acks: boolean,
): Promise<Measured> {
  const pace = { perSecond };
  await load.order('write', {
    first: subscribers,
    count: 1,
    documents: 1,
    fields: FIELDS,
    valueBytes: VALUE_BYTES,
    pace,
    acks,
  });
  await sleep(0.5);
  const measured = await server.profiled(`${name}-${perSecond}`, () => measure(server, load, seconds));
  await load.stopWriting();
  await sleep(0.2);
  return measured;
}

function rowOf(writes: number, own: Measured, bare: Measured, byCost: Measured): Row {
  const ratioOf = (cpu: (side: Measured) => number): number =>
    rounded(own.updates / cpu(own) / (bare.updates / cpu(bare)));
  const cpu = cpuColumns(bare);
  return {
    rate: `${writes} writes/s`,
    'frames/tick': per(own.turnFrames, own.turns),
    'bare: frames/tick': per(bare.turnFrames, bare.turns),
    'bytes/frame': Math.round(own.updateBytes / own.updateFrames),
    'deliveries/s': rate(own.updates, own),
    'bare: deliveries/s': rate(bare.updates, bare),
    'p50 ms': rounded(own.fanout.p50),
    'p99 ms': rounded(own.fanout.p99),
    'bare: p99 ms': rounded(bare.fanout.p99),
    'acceptor µs/delivery': per(own.acceptor, own.updates),
    'bare: µs/delivery': per(bare.acceptor, bare.updates),
    'ours/bare per acceptor CPU s': ratioOf(({ acceptor }) => acceptor),
    'ours/bare per process CPU s': ratioOf(({ acceptor, others }) => acceptor + others),
    ...cpuColumns(own),
    'bare: CPU %': cpu['acceptor CPU %'] ?? 0,
    'bare: load CPU %': cpu['load CPU %'] ?? 0,
    'windows by cost: frames/tick': per(byCost.turnFrames, byCost.turns),
    'windows by cost: p50 ms': rounded(byCost.fanout.p50),
    'windows by cost: p99 ms': rounded(byCost.fanout.p99),
    'windows by cost: CPU cores': rounded((byCost.acceptor + byCost.others) / byCost.seconds / 1e6),
  };
}
