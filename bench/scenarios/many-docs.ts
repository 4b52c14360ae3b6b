/** Many small documents that all of their clients write. */
import { cpuColumns, measure, rate, rounded, sleep, warmUp } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS } from '../servers/measured-server.js';
import type { WriteRequest } from '../load/commands.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 8;
const DOCUMENTS = 200;
const CLIENTS_PER_DOCUMENT = 10;
const CLIENTS = DOCUMENTS * CLIENTS_PER_DOCUMENT;
const VALUE_BYTES = 64;
const FIELDS = 50;

const loads: readonly { readonly name: string; readonly pace: WriteRequest['pace'] }[] = [
  { name: 'each client once a second', pace: { perSecond: CLIENTS } },
  { name: 'each client again after its ack', pace: { underWay: 1 } },
];

export const manyDocs: Scenario = {
  name: 'many-docs',
  about: `${DOCUMENTS} documents × ${CLIENTS_PER_DOCUMENT} clients, all writing and all hearing each other`,
  rounds: 3,
  conditions: (options) => ({
    clients: 'plain binary',
    storage: 'lmdb',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'fields per writer': FIELDS,
    'batch delay ms': BATCH_DELAY_MS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const seconds = bench.options.seconds ?? SECONDS;
    const server = await bench.server({ storage: 'lmdb' });
    const load = bench.load();
    await load.order('open', { port: server.port, count: CLIENTS });
    await load.order('subscribe', { first: 0, count: CLIENTS, documents: DOCUMENTS });
    const everybody = { first: 0, count: CLIENTS, documents: DOCUMENTS };
    await warmUp(load, everybody);
    const rows: Row[] = [];
    for (const { name, pace } of loads) {
      await load.order('write', { ...everybody, fields: FIELDS, valueBytes: VALUE_BYTES, pace });
      await sleep(Math.min(1, seconds / 2));
      const measured = await server.profiled('many-docs', () => measure(server, load, seconds));
      await load.stopWriting();
      const { fanout, ack } = measured;
      rows.push({
        load: name,
        'writes/s acked': rate(measured.acks, measured),
        'deliveries/s': rate(measured.updates, measured),
        'ack p50 ms': rounded(ack.p50),
        'ack p95 ms': rounded(ack.p95),
        'ack p99 ms': rounded(ack.p99),
        'fan-out p50 ms': rounded(fanout.p50),
        'fan-out p95 ms': rounded(fanout.p95),
        'fan-out p99 ms': rounded(fanout.p99),
        ...cpuColumns(measured),
      });
    }
    return rows;
  },
};
