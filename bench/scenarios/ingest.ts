/**
 * How fast writes are acknowledged, by storage and number of writers; and how soon, when there are few. On Postgres
 * beside a bare loop of the same statements.
 */
import type { WriteRequest } from '../load/commands.js';
import { cpuColumns, measure, per, rate, rounded, warmUp } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS, type MeasuredServer, type StorageKind } from '../measured-server.js';
import type { Bench } from '../bench.js';
import type { Row, Scenario } from '../scenario.js';
import { bareUpserts, storageUpserts } from '../upserts.js';

const SECONDS = 4;
/** The way of a commit to Postgres is compiled late: a few hundred commits a second take this long to get it there. */
const POSTGRES_WARM_UP_SECONDS = 8;
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
    postgres: options.postgres === undefined ? 'started for it, its defaults, fsync on' : 'given',
    'bare loop':
      'one connection, the prepared statement of the server with arrays as the driver sends them, as many rows as a commit of the server had on average',
    'warm-up on Postgres, seconds': POSTGRES_WARM_UP_SECONDS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const rows: Row[] = [];
    for (const storage of ['memory', 'lmdb'] as const) {
      for (const writers of WRITERS) rows.push((await writeClosed(bench, storage, writers)).row);
      rows.push(await writeLight(bench, storage));
    }
    return [...rows, ...(await writeToPostgres(bench))];
  },
};

/** Each number of writers, and right after it the bare loop with as many rows a statement as the server had a commit. */
async function writeToPostgres(bench: Bench): Promise<Row[]> {
  const postgres = await bench.postgres();
  const rows: Row[] = [];
  for (const writers of WRITERS) {
    const { row, rowsPerCommit, perSecond } = await writeClosed(bench, 'postgres', writers, await postgres.database());
    const same = {
      documents: writers,
      fields: FIELDS,
      valueBytes: VALUE_BYTES,
      rows: Math.max(1, Math.round(rowsPerCommit)),
      seconds: bench.options.seconds ?? SECONDS,
    };
    const bare = await bareUpserts({ ...same, url: await postgres.database() });
    const alone = await storageUpserts({ ...same, url: await postgres.database() });
    rows.push({
      ...row,
      'bare rows/s': Math.round(bare),
      'ours/bare': rounded(perSecond / bare),
      'storage alone/bare': rounded(alone / bare),
    });
  }
  rows.push(await writeLight(bench, 'postgres', await postgres.database()));
  await postgres.stop();
  return rows;
}

interface Written {
  readonly row: Row;
  /** Writes that were acknowledged. */
  readonly perSecond: number;
  readonly rowsPerCommit: number;
}

function writeClosed(bench: Bench, storage: StorageKind, writers: number, database?: string): Promise<Written> {
  const load = `${writers} writer${writers === 1 ? '' : 's'}`;
  return write(bench, { storage, database, load, writers, pace: { underWay: 1 }, delay: 0 });
}

async function writeLight(bench: Bench, storage: StorageKind, database?: string): Promise<Row> {
  const { writers, perSecond } = LIGHT;
  const load = `light: ${perSecond} writes/s`;
  return (await write(bench, { storage, database, load, writers, pace: { perSecond }, delay: BATCH_DELAY_MS })).row;
}

interface Writing {
  readonly storage: StorageKind;
  readonly database: string | undefined;
  /** What it is called. */
  readonly load: string;
  readonly writers: number;
  readonly pace: WriteRequest['pace'];
  readonly delay: number;
}

async function write(bench: Bench, { storage, database, load: name, writers, pace, delay }: Writing): Promise<Written> {
  const seconds = bench.options.seconds ?? SECONDS;
  const server = await bench.server({ storage, database, env: { SYNC_BATCH_DELAY: String(delay) } });
  const load = bench.load();
  const everybody = { first: 0, count: writers, documents: writers };
  await load.order('open', { port: server.port, count: writers });
  await warmUp(load, everybody, storage === 'postgres' ? POSTGRES_WARM_UP_SECONDS : undefined);
  await load.order('write', { ...everybody, fields: FIELDS, valueBytes: VALUE_BYTES, pace });
  const before = await commitsOf(server);
  const measured = await server.profiled(`ingest-${storage}-${writers}`, () => measure(server, load, seconds));
  const after = await commitsOf(server);
  await load.stopWriting();
  await load.stop();
  await server.stop();
  const { ack } = measured;
  const [commits, rows] = [after.commits - before.commits, after.rows - before.rows];
  const row = {
    storage,
    load: name,
    'writes/s acked': rate(measured.acks, measured),
    'ack p50 ms': rounded(ack.p50),
    'ack p95 ms': rounded(ack.p95),
    'ack p99 ms': rounded(ack.p99),
    'rows/commit': per(rows, commits),
    'commit ms': per((after.seconds - before.seconds) * 1_000, commits),
    'commits/s': Math.round((commits * 1_000) / (after.at - before.at)),
    ...cpuColumns(measured),
  };
  return { row, perSecond: measured.acks / measured.seconds, rowsPerCommit: rows / commits };
}

interface Commits {
  /** When it was looked at, in ms. */
  readonly at: number;
  readonly commits: number;
  readonly rows: number;
  /** That commits took, one after the other. */
  readonly seconds: number;
}

async function commitsOf(server: MeasuredServer): Promise<Commits> {
  const commits = await server.metric('synckit_commit_rows_count');
  const rows = await server.metric('synckit_commit_rows_sum');
  const seconds = await server.metric('synckit_commit_seconds_sum');
  return { at: performance.now(), commits, rows, seconds };
}
