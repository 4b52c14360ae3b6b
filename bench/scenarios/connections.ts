/** As many connections as one process is meant for: what they cost, and that nothing is lost between them. */
import type { Bench } from '../bench.js';
import { CLIENTS_PER_DOCUMENT, CONNECTIONS, FIELDS, VALUE_BYTES, WRITES_PER_DOCUMENT } from '../load/load-shape.js';
import { cpuColumns, measure, rate, rounded, sleep, warmUp } from '../measure.js';
import { BATCH_DELAY_MS, MeasuredServer, SHARDS } from '../servers/measured-server.js';
import type { Options } from '../options.js';
import { residentBytes } from '../servers/process-stats.js';
import { secret, tokens } from '../load/tokens.js';
import type { Scenario } from '../scenario.js';

const SECONDS = 60;
/** Connections that come and go first, so that what the server sets up once is not counted; few, as it keeps their memory. */
const WARM_UP = 100;

interface Memory {
  readonly resident: number;
  readonly heap: number;
  readonly external: number;
}

export const connections: Scenario = {
  name: 'connections',
  about: 'many authenticated and subscribed connections; what they cost idle, and under writes to every document',
  rounds: 1,
  conditions: (options) => ({
    ...sizesOf(options),
    'clients per document': CLIENTS_PER_DOCUMENT,
    'writes/s per document': WRITES_PER_DOCUMENT,
    clients: 'plain binary, each with a token of its own',
    storage: 'lmdb',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    seconds: options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const { connections: count, documents } = sizesOf(bench.options);
    const seconds = bench.options.seconds ?? SECONDS;
    const env = { JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'true' };
    const server = await bench.server({ storage: 'lmdb', env });
    await prepare(bench, server, documents);
    const before = await memoryOf(server);

    const load = bench.load();
    const shown = tokens(count, 'user');
    // What a server keeps however many it serves, such as the space for young objects, has grown with the first of them.
    const few = Math.ceil(count / 5);
    await load.order('open', { port: server.port, count: few, tokens: shown.slice(0, few) });
    await load.order('subscribe', { first: 0, count: few, documents });
    const withFew = await memoryOf(server);
    const rest = count - few;
    const opened = await load.order('open', { port: server.port, count: rest, tokens: shown.slice(few) });
    const subscribed = await load.order('subscribe', { first: few, count: rest, documents });
    const idle = await memoryOf(server);
    const kilobytes = (part: keyof Memory): number => rounded((idle[part] - withFew[part]) / rest / 1024);
    const fromStart = (resident: number): number => rounded((resident - before.resident) / count / 1024);

    await warmUp(load, { first: 0, count, documents });
    await load.order('write', {
      first: 0,
      count,
      documents,
      fields: FIELDS,
      valueBytes: VALUE_BYTES,
      pace: { perSecond: documents * WRITES_PER_DOCUMENT },
      watch: true,
    });
    const measured = await server.profiled('connections', () => measure(server, load, seconds));
    const loaded = residentBytes(server.pid);
    await load.stopWriting();
    // The last frames are on their way when their acks are.
    await sleep(1);
    const balance = await load.order('balance', null);

    const { fanout, ack } = measured;
    return [
      {
        load: `${count} connections`,
        'connects/s': rate(rest, { seconds: opened.milliseconds / 1_000 }),
        'subscribes/s': rate(rest, { seconds: subscribed.milliseconds / 1_000 }),
        'RSS KB/connection': kilobytes('resident'),
        'heap KB/connection': kilobytes('heap'),
        'external KB/connection': kilobytes('external'),
        'RSS KB/connection from the start': fromStart(idle.resident),
        'RSS KB/connection under load': fromStart(loaded),
        'writes/s acked': rate(measured.acks, measured),
        'deliveries/s': rate(measured.updates, measured),
        'ack p50 ms': rounded(ack.p50),
        'ack p95 ms': rounded(ack.p95),
        'ack p99 ms': rounded(ack.p99),
        'fan-out p50 ms': rounded(fanout.p50),
        'fan-out p95 ms': rounded(fanout.p95),
        'fan-out p99 ms': rounded(fanout.p99),
        'updates expected': balance.expected,
        lost: balance.lost,
        repeated: balance.repeated,
        'clients not up to date': balance.stale,
        ...cpuColumns(measured),
      },
    ];
  },
};

function sizesOf({ connections: wanted, documents }: Options): { connections: number; documents: number } {
  const count = wanted ?? CONNECTIONS;
  return { connections: count, documents: documents ?? Math.max(1, Math.floor(count / CLIENTS_PER_DOCUMENT)) };
}

/** Warms up the compilers, and lets the server load the documents. */
async function prepare(bench: Bench, server: MeasuredServer, documents: number): Promise<void> {
  const load = bench.load();
  await load.order('open', { port: server.port, count: WARM_UP, tokens: tokens(WARM_UP, 'early') });
  await load.order('subscribe', { first: 0, count: WARM_UP, documents });
  await load.order('subscribe', { first: 0, count: 1, documents, all: true });
  await load.stop();
}

/** Of a server that has nothing to do, its garbage collected. */
async function memoryOf(server: MeasuredServer): Promise<Memory> {
  await sleep(1);
  await server.collectGarbage();
  await sleep(1);
  const { heapUsed, external } = await server.collectGarbage();
  return { resident: residentBytes(server.pid), heap: heapUsed, external };
}
