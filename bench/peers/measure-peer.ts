/** Loads one server with the clients of `connections` and measures it. */
import type { Bench } from '../bench.js';
import { CLIENTS_PER_DOCUMENT, CONNECTIONS, FIELDS, VALUE_BYTES, WRITES_PER_DOCUMENT } from '../load/load-shape.js';
import { measure, rate, rounded, sleep } from '../measure.js';
import type { Options } from '../options.js';
import type { Row } from '../scenario.js';
import { cpuOfTree, residentBytes } from '../servers/process-stats.js';
import type { Peer, RunningPeer } from './peer.js';

/** The load runs for so long before it is measured. */
export const WARM_UP_SECONDS = 5;

/** The size of a load. */
export interface LoadSize {
  readonly connections: number;
  readonly documents: number;
  /** To all documents together. */
  readonly perSecond: number;
  /** How long it is measured. */
  readonly seconds: number;
}

/** What is not given follows from what is: ten clients a document, two writes a second to each. */
export function loadSize(
  { connections = CONNECTIONS, documents, writes }: Partial<Options>,
  seconds: number,
): LoadSize {
  const count = documents ?? Math.max(1, Math.floor(connections / CLIENTS_PER_DOCUMENT));
  return { connections, documents: count, perSecond: writes ?? count * WRITES_PER_DOCUMENT, seconds };
}

/** Nothing of it is running when this is over. @returns Undefined for a server that can't be had; that is printed. */
export async function measurePeer(bench: Bench, peer: Peer, size: LoadSize): Promise<Row | undefined> {
  const part = bench.part();
  try {
    const started = await peer.start(part);
    if (!('skipped' in started)) return await rowOf(part, peer, started, size);
    console.log(`${peer.name} is left out: ${started.skipped}.`);
    return undefined;
  } finally {
    await part.end();
  }
}

async function rowOf(bench: Bench, peer: Peer, running: RunningPeer, size: LoadSize): Promise<Row> {
  const { pid, port, databasePid } = running;
  const { connections: count, documents, perSecond, seconds } = size;
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
