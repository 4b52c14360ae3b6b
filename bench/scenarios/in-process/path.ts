/** The cost of a message's path: CPU of the acceptor and of the other threads, per write and per delivery. */
import { cpuColumns, measure, per, rate, sleep, warmUp, type Measured } from '../../measure.js';
import { BATCH_DELAY_MS, SHARDS, type StorageKind } from '../../servers/measured-server.js';
import type { WriteRequest } from '../../load/commands.js';
import type { Bench } from '../../bench.js';
import type { Row, Scenario } from '../../scenario.js';

const SECONDS = 4;
const DOCUMENTS = 20;
const SUBSCRIBERS = 100;
const VALUE_BYTES = 64;
const FIELDS = 1_000;

/** 300 writes a second find their document idle, each of them; the closed loop keeps 50 per document under way. */
const modes: Readonly<Record<string, WriteRequest['pace']>> = {
  paced: { perSecond: 300 },
  'closed loop': { underWay: 50 },
};

export const path: Scenario = {
  name: 'path',
  about: `CPU per write and per delivery; ${DOCUMENTS} documents with a writer each, and ${SUBSCRIBERS} who hear them all`,
  rounds: 1,
  conditions: (options) => ({
    clients: 'plain binary',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'batch delay ms': BATCH_DELAY_MS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const rows: Row[] = [];
    for (const [mode, pace] of Object.entries(modes)) {
      for (const storage of ['memory', 'lmdb'] as const) {
        const alone = await write(bench, storage, pace, 0);
        const heard = await write(bench, storage, pace, SUBSCRIBERS);
        const more = heard.acceptor - (alone.acceptor / alone.acks) * heard.acks;
        rows.push({
          mode,
          storage,
          'writes/s': rate(alone.acks, alone),
          'acceptor µs/write': per(alone.acceptor, alone.acks),
          'others µs/write': per(alone.others, alone.acks),
          'writes/s, with subscribers': rate(heard.acks, heard),
          'deliveries/s': rate(heard.updates, heard),
          'acceptor µs/delivery': per(more, heard.updates),
          ...cpuColumns(heard),
        });
      }
    }
    return rows;
  },
};

async function write(
  bench: Bench,
  storage: StorageKind,
  pace: WriteRequest['pace'],
  subscribers: number,
): Promise<Measured> {
  const seconds = bench.options.seconds ?? SECONDS;
  const server = await bench.server({ storage });
  const load = bench.load();
  await load.order('open', { port: server.port, count: subscribers + DOCUMENTS });
  await load.order('subscribe', { first: 0, count: subscribers, documents: DOCUMENTS, all: true });
  const writers = { first: subscribers, count: DOCUMENTS, documents: DOCUMENTS };
  await warmUp(load, writers);
  await load.order('write', { ...writers, fields: FIELDS, valueBytes: VALUE_BYTES, pace });
  await sleep(Math.min(1, seconds / 2));
  const measured = await server.profiled(`path-${storage}`, () => measure(server, load, seconds));
  await load.stopWriting();
  await load.stop();
  await server.stop();
  return measured;
}
