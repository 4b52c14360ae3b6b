/**
 * How many processes a load needs, and which part of a cluster is full first: `node bench/sizing.mjs [options]`. Arithmetic with
 * the measured costs of docs/performance.md, for docs/operations/sizing.md; no more exact than these.
 */
import { parseArgs } from 'node:util';

/** µs of CPU unless the name says otherwise, on a core of the machine of docs/performance.md. */
const COSTS = {
  /** Acceptor, for each write, without what its deliveries cost: 0.37 cores at 2 000 writes and 20 000 deliveries a second. */
  acceptorWrite: 75,
  /** Acceptor, for each client that is sent a frame: a system call. */
  delivery: 11,
  /** Acceptor, for each client of a document that gets many frames in one tick. */
  busyDelivery: 2,
  /** Shard, for each write: merge, commit, answer. 0.45 cores at 2 000 writes a second. */
  shardWrite: 225,
  /** Of a write's shard cost, for each other process that merges it. */
  remoteShare: 0.3,
  /** Redis, for each message that is published, and for each process that receives it. */
  publish: 20,
  receive: 0.5,
  /** Postgres, for each row of a commit of many. */
  row: 30,
  connectionKb: 6,
  processMb: 360,
};
/** Longest time that the writes of a busy document are gathered, in seconds. */
const WINDOW = 0.05;
/** What a core may be used at: the rest is for bursts. */
const FULL = 0.7;

/** @typedef {{ connections: number, clients: number, writes: number, perProcess: number }} Load */

/** @param {Load} load `clients` of each document, `writes` of each client a second. */
export function sizeOf({ connections, clients, writes, perProcess }) {
  const documents = connections / clients;
  const perDocument = clients * writes;
  // A window opens with the first write after a pause and takes all that come until it ends.
  const flushes = perDocument / (1 + perDocument * WINDOW);
  const perFlush = perDocument / flushes;
  const processes = Math.max(1, Math.ceil(connections / perProcess));
  // Processes on which at least one of the clients is, if they are spread evenly.
  const holding = processes * (1 - (1 - 1 / processes) ** clients);
  const allWrites = documents * perDocument;
  const messages = holding > 1 ? documents * flushes : 0;
  const deliveries = (documents * flushes * clients) / processes;
  const perDelivery = perFlush > 2 ? COSTS.busyDelivery * perFlush + COSTS.delivery : COSTS.delivery;
  const merges = allWrites * (1 + COSTS.remoteShare * (holding - 1));
  const cores = {
    'acceptor of a process': ((allWrites / processes) * COSTS.acceptorWrite + deliveries * perDelivery) / 1e6,
    'shards of a process': ((merges / processes) * COSTS.shardWrite) / 1e6,
    Redis: (messages * (COSTS.publish + holding * COSTS.receive)) / 1e6,
    Postgres: (allWrites * COSTS.row) / 1e6,
  };
  return { processes, documents, allWrites, flushes, holding, messages, deliveries, cores };
}

/** The part that is full first: one thread each, but for Postgres, which has as many cores as it is given. */
export function firstFull({ cores }) {
  const single = Object.entries(cores).filter(([part]) => part !== 'Postgres');
  return single.sort(([, a], [, b]) => b - a)[0];
}

function print(load) {
  const size = sizeOf(load);
  const number = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2));
  const rows = [
    ['processes', size.processes],
    ['documents', size.documents],
    ['writes/s', size.allWrites],
    ['flushes of a document a second', size.flushes],
    ['processes that hold a document', size.holding],
    ['messages on the bus a second', size.messages],
    ['deliveries of a process a second', size.deliveries],
    ...Object.entries(size.cores).map(([part, cores]) => [`cores: ${part}`, cores]),
    [
      'memory of a process, MB',
      COSTS.processMb + (Math.min(load.connections, load.perProcess) * COSTS.connectionKb) / 1024,
    ],
  ];
  for (const [what, value] of rows) console.log(`${what.padEnd(36)} ${number(value).padStart(10)}`);
  const [part, cores] = firstFull(size);
  const room = FULL / cores;
  console.log(
    `${part} is full first: ${room >= 1 ? `at ${room.toFixed(1)} times this load` : 'this load is too much for it'}`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '100000' },
      clients: { type: 'string', default: '10' },
      writes: { type: 'string', default: '0.2' },
      'per-process': { type: 'string', default: '10000' },
    },
  });
  const { connections, clients, writes, 'per-process': perProcess } = values;
  print({
    connections: Number(connections),
    clients: Number(clients),
    writes: Number(writes),
    perProcess: Number(perProcess),
  });
}
