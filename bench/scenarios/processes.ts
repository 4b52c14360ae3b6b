/** Several processes that share a port, full of connections: that no update is lost between them. */
import type { LoadProcess } from '../load/load-process.js';
import { freePort } from '../../test/support/nodes/server.js';
import { per, rate, rounded, sleep } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS, type MeasuredServer } from '../servers/measured-server.js';
import { cpuSince, cpuTimes, residentBytes } from '../servers/process-stats.js';
import { secret, tokens } from '../load/tokens.js';
import type { Balance } from '../load/ledger.js';
import type { Bench } from '../bench.js';
import type { Options } from '../options.js';
import type { Scenario } from '../scenario.js';

const SECONDS = 60;
/** Of a process, and of a load process, which has an address of its own: descriptors and ports have bounds. */
const MOST_CONNECTIONS = 15_000;
const FEWEST_PROCESSES = 4;
const CONNECTIONS = 40_000;
/** Of each load process: the clients of a document are spread over the servers by the system. */
const CLIENTS_PER_DOCUMENT = 2;
const WRITES_PER_DOCUMENT = 0.1;
const VALUE_BYTES = 64;
/** More than there are writes of a document, so that none takes another's place in a load. */
const FIELDS = 1_000;

export const processes: Scenario = {
  name: 'processes',
  about: 'many connections over several processes that share a port, Postgres and Redis; writes to every document',
  rounds: 1,
  onlyNamed: true,
  conditions: (options) => ({
    ...sizesOf(options),
    clients: 'plain binary, each with a token of its own, from as many load processes',
    storage: 'postgres, fsync on',
    'shards per process': SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    seconds: options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const { connections, documents, processes: count, 'writes/s': perSecond } = sizesOf(bench.options);
    const seconds = bench.options.seconds ?? SECONDS;
    const servers = await start(bench, count);
    const before = memoryOf(servers);
    const loads = Array.from({ length: count }, () => bench.load());
    const opening = performance.now();
    await inEach(loads, async (load, i) => {
      const each = connections / count;
      const host = `127.0.0.${i + 2}`;
      await load.order('open', { port: servers[0].port, count: each, host, tokens: tokens(each, `user-${i}`) });
    });
    const subscribing = performance.now();
    await inEach(loads, (load) => load.order('subscribe', { first: 0, count: connections / count, documents }));
    const subscribed = performance.now();
    // Until the buses listen to all documents.
    await sleep(5);
    const held = await Promise.all(servers.map((server) => server.metric('synckit_connections')));
    const resident = (memoryOf(servers) - before) / connections / 1_024;

    const [first, ...others] = loads as [LoadProcess, ...LoadProcess[]];
    await inEach(others, (load) => load.order('watch', { documents }));
    await inEach(loads, (load) => load.order('mark', null));
    const started = performance.now();
    const cpu = servers.map(({ pid }) => cpuTimes(pid));
    await first.order('write', {
      first: 0,
      count: documents,
      documents,
      fields: FIELDS,
      valueBytes: VALUE_BYTES,
      pace: { perSecond },
      watch: true,
    });
    await sleep(seconds);
    const used = servers.map(({ pid }, i) => cpuSince(pid, cpu[i] ?? { main: 0, others: 0 }));
    // The clock of the writers' process is the only one that their marks can be compared with.
    const { fanout, ack, acks } = await first.order('read', null);
    const elapsed = { seconds: (performance.now() - started) / 1_000 };
    await inEach(loads, (load) => load.stopWriting());
    // The last updates may be on their way by the bus when their acks are there.
    await sleep(3);
    const balance = await settle(loads);
    const sum = (name: string): Promise<number> => sumOver(servers, name);
    return [
      {
        load: `${connections} connections`,
        'fewest on a process': Math.min(...held),
        'most on a process': Math.max(...held),
        'connects/s': rate(connections, { seconds: (subscribing - opening) / 1_000 }),
        'subscribes/s': rate(connections, { seconds: (subscribed - subscribing) / 1_000 }),
        'RSS KB/connection': rounded(resident),
        'writes/s acked': rate(acks, elapsed),
        'updates expected': balance.expected,
        lost: balance.lost,
        repeated: balance.repeated,
        'clients not up to date': balance.stale,
        'write to update p50 ms': rounded(fanout.p50),
        'write to update p95 ms': rounded(fanout.p95),
        'write to update p99 ms': rounded(fanout.p99),
        'ack p50 ms': rounded(ack.p50),
        'ack p99 ms': rounded(ack.p99),
        'bus messages/write': per(await sum('synckit_bus_received_total'), balance.written),
        gaps: await sum('synckit_bus_gaps_total'),
        'slow clients closed': await sum('synckit_backpressure_closes_total'),
        'CPU % of all acceptors': percent(
          used.reduce((all, { main }) => all + main, 0),
          elapsed,
        ),
        'CPU % of their other threads': percent(
          used.reduce((all, { others: rest }) => all + rest, 0),
          elapsed,
        ),
      },
    ];
  },
};

function sizesOf({ connections: wanted = CONNECTIONS, documents: named, writes }: Options) {
  const count = Math.max(FEWEST_PROCESSES, Math.ceil(wanted / MOST_CONNECTIONS));
  const connections = count * Math.ceil(wanted / count);
  const documents = named ?? Math.max(1, Math.floor(connections / count / CLIENTS_PER_DOCUMENT));
  return {
    ...{ connections, documents, processes: count },
    'clients per document': CLIENTS_PER_DOCUMENT * count,
    'writes/s': writes ?? documents * WRITES_PER_DOCUMENT,
  };
}

async function start(bench: Bench, count: number): Promise<[MeasuredServer, ...MeasuredServer[]]> {
  const database = await (await bench.postgres()).database();
  const redis = await bench.redis();
  const port = await freePort();
  const node = async (i: number): Promise<MeasuredServer> =>
    bench.server({
      storage: 'postgres',
      database,
      // All processes share the port, so each serves its metrics on another one.
      metricsPort: await freePort(),
      env: {
        PORT: String(port),
        HOST: '0.0.0.0',
        REDIS_URL: redis.url,
        SYNCKIT_NODE_ID: `node-${i}`,
        JWT_SECRET: secret,
        SYNCKIT_AUTH_REQUIRED: 'true',
      },
    });
  const servers: [MeasuredServer, ...MeasuredServer[]] = [await node(0)];
  for (let i = 1; i < count; i++) servers.push(await node(i));
  return servers;
}

async function inEach(loads: readonly LoadProcess[], work: (load: LoadProcess, i: number) => Promise<unknown>) {
  await Promise.all(loads.map(work));
}

/** The outcome of the first process's writes, at the clients of all of them. */
async function settle(loads: readonly LoadProcess[]): Promise<Balance> {
  const [first] = loads as readonly [LoadProcess];
  const written = await first.order('written', null);
  const balances = await Promise.all(loads.map((load) => load.order('balance', written)));
  const sum = (part: keyof Balance): number => balances.reduce((all, balance) => all + balance[part], 0);
  const { written: writes } = balances[0] ?? { written: 0 };
  return {
    written: writes,
    expected: sum('expected'),
    lost: sum('lost'),
    repeated: sum('repeated'),
    stale: sum('stale'),
  };
}

async function sumOver(servers: readonly MeasuredServer[], name: string): Promise<number> {
  const values = await Promise.all(servers.map((server) => server.metric(name)));
  return values.reduce((all, value) => all + value, 0);
}

function memoryOf(servers: readonly MeasuredServer[]): number {
  return servers.reduce((all, { pid }) => all + residentBytes(pid), 0);
}

function percent(microseconds: number, { seconds }: { readonly seconds: number }): number {
  return Math.round(microseconds / seconds / 10_000);
}
