/** Our server beside a bare one and those of others, under the load of `connections`, one after the other. */
import type { Bench } from '../bench.js';
import { CLIENTS_PER_DOCUMENT, CONNECTIONS, FIELDS, VALUE_BYTES, WRITES_PER_DOCUMENT } from '../load/load-shape.js';
import { measure, rate, rounded, sleep } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS } from '../servers/measured-server.js';
import type { Options } from '../options.js';
import { centrifugo } from '../peers/centrifugo.js';
import { hocuspocus } from '../peers/hocuspocus.js';
import { bare, ours } from '../peers/ours.js';
import type { Peer, RunningPeer } from '../peers/peer.js';
import { reference } from '../peers/reference.js';
import { cpuOfTree, residentBytes } from '../servers/process-stats.js';
import { markdownTable } from '../results.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 30;
/** The load runs for so long before it is measured. */
const WARM_UP_SECONDS = 5;
const all: readonly Peer[] = [bare, ...ours, centrifugo, hocuspocus, reference];

export const peers: Scenario = {
  name: 'peers',
  about: 'the load of `connections` on our server, a bare one, Centrifugo, Hocuspocus and the reference in turns',
  rounds: 1,
  onlyNamed: true,
  conditions: (options) => ({
    ...sizesOf(options),
    clients: 'without tokens, each follows a document and writes to it',
    'value bytes': VALUE_BYTES,
    shards: SHARDS,
    'batch delay ms': BATCH_DELAY_MS,
    'warm-up seconds': WARM_UP_SECONDS,
    seconds: options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const rows: Row[] = [];
    for (const peer of all) {
      const row = await measurePeer(bench, peer);
      if (row !== undefined) rows.push(row);
    }
    console.log(`${markdownTable(rows)}\n`);
    return rows;
  },
};

function sizesOf({ connections = CONNECTIONS, documents, writes }: Options) {
  const count = documents ?? Math.max(1, Math.floor(connections / CLIENTS_PER_DOCUMENT));
  return { connections, documents: count, 'writes/s': writes ?? count * WRITES_PER_DOCUMENT };
}

/** Nothing of it is running when this is over. */
async function measurePeer(bench: Bench, peer: Peer): Promise<Row | undefined> {
  const part = bench.part();
  try {
    const started = await peer.start(part);
    if (!('skipped' in started)) return await rowOf(part, peer, started);
    console.log(`${peer.name} is left out: ${started.skipped}.`);
    return undefined;
  } finally {
    await part.end();
  }
}

async function rowOf(bench: Bench, peer: Peer, { pid, port, databasePid }: RunningPeer): Promise<Row> {
  const { connections: count, documents, 'writes/s': perSecond } = sizesOf(bench.options);
  const seconds = bench.options.seconds ?? SECONDS;
  const load = bench.load();
  const atStart = residentBytes(pid);
  await load.order('open', { dialect: peer.dialect, port, count });
  await load.order('subscribe', { first: 0, count, documents });
  await sleep(2);
  const idle = residentBytes(pid);

  const write = { first: 0, count, documents, fields: FIELDS, valueBytes: VALUE_BYTES, pace: { perSecond } };
  await load.order('write', { ...write, watch: true, acks: peer.acks ?? true });
  await sleep(WARM_UP_SECONDS);
  const databaseBefore = databasePid === undefined ? 0 : cpuOfTree(databasePid);
  const measured = await measure({ pid }, load, seconds);
  const databaseUsed = databasePid === undefined ? 0 : cpuOfTree(databasePid) - databaseBefore;
  const loaded = residentBytes(pid);
  const { unacknowledged, disconnected, firstError } = await load.order('stop', null);
  if (firstError !== '') console.log(`${peer.name}: ${firstError}`);
  // The last frames are on their way when their acks are.
  await sleep(1);
  const balance = await load.order('balance', null);

  const cores = (microseconds: number): number => rounded(microseconds / measured.seconds / 1e6);
  const kilobytes = (bytes: number): number => rounded((bytes - atStart) / count / 1024);
  return {
    server: peer.name,
    state: peer.state,
    'an ack survives': peer.survives,
    'p50 ms': rounded(measured.fanout.p50),
    'p99 ms': rounded(measured.fanout.p99),
    'CPU cores': cores(measured.acceptor + measured.others),
    'database CPU cores': cores(databaseUsed),
    'load CPU cores': cores(measured.load),
    'KB/connection idle': kilobytes(idle),
    'KB/connection loaded': kilobytes(loaded),
    'writes/s': rate(measured.writes, measured),
    'deliveries/s': rate(measured.updates, measured),
    'deliveries expected': balance.expected,
    lost: balance.lost,
    unacknowledged,
    disconnected,
  };
}
