/** How fast writes are acknowledged, by storage and number of writers; and how soon, when there are few. */
import type { WriteRequest } from '../load/commands.js';
import { cpuColumns, measure, rate, rounded, warmUp } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS, type StorageKind } from '../measured-server.js';
import type { Bench } from '../bench.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 4;
const WRITERS = [1, 50, 500];
const VALUE_BYTES = 64;
const FIELDS = 100;
/** Writers and writes per second at light load: each write finds its document idle. */
const LIGHT = { writers: 20, perSecond: 100 };

export const ingest: Scenario = {
  name: 'ingest',
  about: 'writers with a document each, that write again as soon as they are acknowledged; and a light load',
  rounds: 3,
  conditions: (options) => ({
    clients: 'plain binary',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'fields per writer': FIELDS,
    'light load': `${LIGHT.perSecond} writes/s to ${LIGHT.writers} documents`,
    'batch delay ms': `0, so that it is not the delay that is measured; ${BATCH_DELAY_MS} at light load`,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const rows: Row[] = [];
    for (const storage of ['memory', 'lmdb'] as const) {
      for (const writers of WRITERS) {
        const name = `${writers} writer${writers === 1 ? '' : 's'}`;
        rows.push(await write(bench, storage, name, writers, { underWay: 1 }, 0));
      }
      const { writers, perSecond } = LIGHT;
      const name = `light: ${perSecond} writes/s`;
      rows.push(await write(bench, storage, name, writers, { perSecond }, BATCH_DELAY_MS));
    }
    return rows;
  },
};

async function write(
  bench: Bench,
  storage: StorageKind,
  name: string,
  writers: number,
  pace: WriteRequest['pace'],
  delay: number,
): Promise<Row> {
  const seconds = bench.options.seconds ?? SECONDS;
  const server = await bench.server({ storage, env: { SYNC_BATCH_DELAY: String(delay) } });
  const load = bench.load();
  const everybody = { first: 0, count: writers, documents: writers };
  await load.order('open', { port: server.port, count: writers });
  await warmUp(load, everybody);
  await load.order('write', { ...everybody, fields: FIELDS, valueBytes: VALUE_BYTES, pace });
  const measured = await server.profiled(`ingest-${storage}-${writers}`, () => measure(server, load, seconds));
  await load.stopWriting();
  await load.stop();
  await server.stop();
  const { ack } = measured;
  return {
    storage,
    load: name,
    'writes/s acked': rate(measured.acks, measured),
    'ack p50 ms': rounded(ack.p50),
    'ack p95 ms': rounded(ack.p95),
    'ack p99 ms': rounded(ack.p99),
    ...cpuColumns(measured),
  };
}
