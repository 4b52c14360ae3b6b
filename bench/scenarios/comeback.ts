/** Many clients lose their connections and come back at once, while others go on writing; beside a bare uWebSockets.js. */
import type { Bench } from '../bench.js';
import type { Latency } from '../load/commands.js';
import { documentName } from '../load/commands.js';
import { CLIENTS_PER_DOCUMENT } from '../load/load-shape.js';
import type { LoadProcess } from '../load/load-process.js';
import { secret, tokens } from '../load/tokens.js';
import { rounded, sleep } from '../measure.js';
import type { Options } from '../options.js';
import type { Row, Scenario } from '../scenario.js';
import { MeasuredServer, SHARDS } from '../servers/measured-server.js';
import { cpuSince, cpuTimes } from '../servers/process-stats.js';

const CONNECTIONS = 5_000;
const FIELDS = 100;
const VALUE_BYTES = 32;
/** Clients that stay, in documents of their own, and what they write a second all together. */
const BYSTANDERS = 50;
const BYSTANDER_DOCUMENTS = 10;
const BYSTANDER_WRITES = 100;
/** Times that everybody comes back; the first ones are for the compilers. */
const VISITS = 3;
/**
 * The connections of a visit go to an address of their own: the ports of those before are not free for a minute, and the
 * kernel would search long for another one.
 */
let addresses = 0;
/** Bytes of an update of the bystanders. */
const UPDATE_BYTES = 256;

interface Side {
  readonly server: MeasuredServer;
  readonly acks: boolean;
  /** Undefined where the server asks for none. */
  readonly tokens: (count: number, name: string) => readonly string[] | undefined;
}

interface Visit {
  readonly seconds: number;
  /** Bytes of one state. */
  readonly stateBytes: number;
  readonly each: Latency;
  /** Microseconds of CPU for each client: of the main thread, of the other threads, and of the load. */
  readonly acceptor: number;
  readonly others: number;
  readonly load: number;
  /** What the bystanders saw meanwhile. */
  readonly ack: Latency;
  readonly fanout: Latency;
}

export const comeback: Scenario = {
  name: 'comeback',
  about:
    'clients that come back at once: connect with a token, subscribe to a document, get its state; beside a bare uWebSockets.js',
  rounds: 3,
  conditions: (options) => ({
    ...sizesOf(options),
    'value bytes': VALUE_BYTES,
    clients: 'binary with batches, each with a token of its own',
    bystanders: `${BYSTANDERS}, ${BYSTANDER_WRITES} writes/s`,
    storage: 'lmdb',
    shards: SHARDS,
  }),
  async run(bench) {
    const sizes = sizesOf(bench.options);
    const env = { JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'true', HOST: '0.0.0.0' };
    const server = await bench.server({ storage: 'lmdb', env });
    await fill(bench, server, sizes);
    const ours = await visits(bench, { server, acks: true, tokens }, 'comeback', sizes);
    const bareServer = await bench.bareServer();
    bareServer.send({ frameBytes: UPDATE_BYTES, stateBytes: ours.stateBytes });
    const bareSide = { server: bareServer, acks: false, tokens: () => undefined };
    return [rowOf(sizes.connections, ours, await visits(bench, bareSide, 'comeback-bare', sizes))];
  },
};

function sizesOf({ connections = CONNECTIONS, documents, fields = FIELDS }: Options): {
  connections: number;
  documents: number;
  fields: number;
} {
  return { connections, documents: documents ?? Math.max(1, Math.floor(connections / CLIENTS_PER_DOCUMENT)), fields };
}

async function fill(bench: Bench, server: MeasuredServer, sizes: ReturnType<typeof sizesOf>): Promise<void> {
  const load = bench.load();
  await load.order('open', { port: server.port, count: 1, tokens: tokens(1, 'filler') });
  for (let i = 0; i < sizes.documents; i++) {
    await load.order('fill', { client: 0, documentId: documentName(i), fields: sizes.fields, valueBytes: VALUE_BYTES });
  }
  await load.stop();
}

/** @returns The last visit. */
async function visits(
  bench: Bench,
  side: Side,
  name: string,
  { connections, documents }: ReturnType<typeof sizesOf>,
): Promise<Visit> {
  const part = bench.part();
  const bystanders = await stay(part, side, documents);
  const shown = side.tokens(connections, 'user');
  let visit: Visit | undefined;
  for (let i = 1; i <= VISITS; i++) {
    const load = part.load();
    await bystanders.order('mark', null);
    const before = [cpuTimes(side.server.pid), cpuTimes(load.pid)] as const;
    const host = `127.0.1.${++addresses}`;
    const to = { port: side.server.port, count: connections, host, documents };
    const request = { ...to, ...(shown && { tokens: shown }) };
    const come = (): ReturnType<typeof load.order<'comeBack'>> => load.order('comeBack', request);
    const { milliseconds, bytes, each } = await (i === VISITS ? side.server.profiled(name, come) : come());
    const [used, usedByLoad] = [cpuSince(side.server.pid, before[0]), cpuSince(load.pid, before[1])];
    const { ack, fanout } = await bystanders.order('read', null);
    visit = {
      seconds: milliseconds / 1_000,
      stateBytes: Math.round(bytes / connections),
      each,
      acceptor: used.main / connections,
      others: used.others / connections,
      load: (usedByLoad.main + usedByLoad.others) / connections,
      ack,
      fanout,
    };
    await load.stop();
    await sleep(1);
  }
  await bystanders.stopWriting();
  await part.end();
  if (visit === undefined) throw new Error('nobody came back');
  return visit;
}

/** Clients that write all the time, in documents that nobody else reads. */
async function stay(bench: Bench, side: Side, documents: number): Promise<LoadProcess> {
  const load = bench.load();
  const shown = side.tokens(BYSTANDERS, 'bystander');
  await load.order('open', { port: side.server.port, count: BYSTANDERS, ...(shown && { tokens: shown }) });
  const writing = { first: 0, count: BYSTANDERS, documents: BYSTANDER_DOCUMENTS, firstDocument: documents };
  await load.order('subscribe', writing);
  const pace = { perSecond: BYSTANDER_WRITES };
  await load.order('write', { ...writing, fields: FIELDS, valueBytes: VALUE_BYTES, pace, acks: side.acks });
  await sleep(1);
  return load;
}

function rowOf(connections: number, own: Visit, bare: Visit): Row {
  return {
    load: `${connections} clients`,
    'bytes/state': own.stateBytes,
    'clients/s': Math.round(connections / own.seconds),
    'bare: clients/s': Math.round(connections / bare.seconds),
    'time, ours/bare': rounded(own.seconds / bare.seconds),
    'acceptor µs/client': Math.round(own.acceptor),
    'other threads µs/client': Math.round(own.others),
    'bare: µs/client': Math.round(bare.acceptor),
    'load µs/client': Math.round(own.load),
    'bare: load µs/client': Math.round(bare.load),
    'CPU, ours/bare': rounded((own.acceptor + own.others) / (bare.acceptor + bare.others)),
    'p99 ms': rounded(own.each.p99),
    'bare: p99 ms': rounded(bare.each.p99),
    'others: ack p99 ms': rounded(own.ack.p99),
    'others: ack max ms': rounded(own.ack.max),
    'others: fan-out p99 ms': rounded(own.fanout.p99),
    'bare: fan-out p99 ms': rounded(bare.fanout.p99),
  };
}
