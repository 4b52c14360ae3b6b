/** How latency, CPU and memory grow with the rate and with the connections, beside a bare server: for the plots. */
import { VALUE_BYTES } from '../load/load-shape.js';
import { loadSize, measurePeer, WARM_UP_SECONDS, type LoadSize } from '../peers/measure-peer.js';
import { bare, ours } from '../peers/ours.js';
import type { Row, Scenario } from '../scenario.js';
import { BATCH_DELAY_MS, SHARDS } from '../servers/measured-server.js';

const SECONDS = 10;
/** Writes a second, to 200 documents with ten clients each. */
const RATES = [100, 500, 1_000, 2_000];
const CONNECTIONS_OF_RATES = 2_000;
/** Connections, ten to a document that gets two writes a second. */
const COUNTS = [1_000, 2_500, 5_000, 10_000];
/** Postgres takes most of the same two cores, and would be what is measured. */
const servers = [bare, ...ours.filter(({ name }) => !name.includes('postgres'))];
const columns = ['p50 ms', 'p99 ms', 'CPU cores', 'KB/connection idle', 'KB/connection loaded', 'lost'] as const;

export const curves: Scenario = {
  name: 'curves',
  about: 'the load of `connections` at several rates and sizes, on our server and a bare one: `bench/plots` draws it',
  rounds: 1,
  onlyNamed: true,
  conditions: (options) => ({
    'connections of the rates': CONNECTIONS_OF_RATES,
    clients: 'without tokens, each follows a document and writes to it',
    'value bytes': VALUE_BYTES,
    shards: SHARDS,
    'batch delay ms': BATCH_DELAY_MS,
    'warm-up seconds': WARM_UP_SECONDS,
    seconds: options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const { connections: most = Infinity, seconds = SECONDS } = bench.options;
    const rates = RATES.map((writes) => ({
      sweep: 'rate',
      size: loadSize({ connections: Math.min(most, CONNECTIONS_OF_RATES), writes }, seconds),
    }));
    const counts = COUNTS.filter((count) => count <= most).map((connections) => ({
      sweep: 'connections',
      size: loadSize({ connections }, seconds),
    }));
    const rows: Row[] = [];
    for (const { sweep, size } of [...rates, ...counts]) {
      for (const peer of servers) {
        const row = await measurePeer(bench, peer, size);
        if (row !== undefined) rows.push(point(sweep, size, row));
      }
    }
    return rows;
  },
};

/** The size is text: it says which row this is. */
function point(sweep: string, { connections, perSecond }: LoadSize, row: Row): Row {
  const about = { sweep, server: row['server'] ?? '', connections: String(connections), 'writes/s': String(perSecond) };
  return { ...about, ...Object.fromEntries(columns.map((column) => [column, row[column] ?? NaN])) };
}
