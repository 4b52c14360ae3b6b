/**
 * How fast writes are acknowledged, by storage and number of writers; and how soon, when there are few. On Postgres
 * beside a bare loop of the same statements.
 */
import type { WriteRequest } from '../load/commands.js';
import type { LoadProcess } from '../load/load-process.js';
import { cpuColumns, measure, per, rate, rounded, warmUp, type Measured } from '../measure.js';
import { BATCH_DELAY_MS, SHARDS, type MeasuredServer, type StorageKind } from '../servers/measured-server.js';
import type { Bench } from '../bench.js';
import { medianRows } from '../results.js';
import type { Row, Scenario } from '../scenario.js';
import { bareUpserts, lonelyUpserts, storageUpserts, type BenchPostgres } from '../servers/upserts.js';

const SECONDS = 4;
/**
 * The code path of a commit to Postgres is optimised late: at a few hundred commits a second it takes this long. And the
 * first updates of a row find no free space on its page; throughput is stable only after all rows were updated a few
 * times.
 */
const POSTGRES_WARM_UP_SECONDS = 8;
/** The server and the bare loop take turns, so that both run under the same conditions. */
const TURNS = 4;
const WRITERS = [1, 50, 500];
const VALUE_BYTES = 64;
const FIELDS = 100;
/** The default of DB_POOL_MAX. */
const POOL = 10;
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
    'each alone': `the writers themselves, a statement for each row, over ${POOL} connections`,
    'warm-up on Postgres, seconds': POSTGRES_WARM_UP_SECONDS,
    'turns of server and bare loop': TURNS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const rows: Row[] = [];
    for (const storage of ['memory', 'lmdb'] as const) {
      for (const writers of WRITERS) rows.push(await writeClosed(bench, storage, writers));
      rows.push(await writeLight(bench, storage));
    }
    return [...rows, ...(await writeToPostgres(bench))];
  },
};

async function writeToPostgres(bench: Bench): Promise<Row[]> {
  const postgres = await bench.postgres();
  const rows: Row[] = [];
  for (const writers of WRITERS) rows.push(await writeInTurns(bench, postgres, writers));
  rows.push(await writeLight(bench, 'postgres', await postgres.database()));
  await postgres.stop();
  return rows;
}

/** Writers, and in turns with them the bare loop with as many rows a statement as the server has a commit. */
async function writeInTurns(bench: Bench, postgres: BenchPostgres, writers: number): Promise<Row> {
  const ingest = await Ingest.start(bench, closed('postgres', writers, await postgres.database()));
  const same = { documents: writers, fields: FIELDS, valueBytes: VALUE_BYTES };
  const bare = await bareUpserts({ ...same, url: await postgres.database() });
  const alone = await storageUpserts({ ...same, url: await postgres.database() });
  const lonely = await lonelyUpserts({ ...same, url: await postgres.database() }, POOL);
  const seconds = secondsOf(bench) / TURNS;
  const { perCommit } = await ingest.measure(seconds);
  for (const loop of [bare, alone]) await loop.run(perCommit, POSTGRES_WARM_UP_SECONDS);
  await lonely.run(1, POSTGRES_WARM_UP_SECONDS);
  const turns: Row[] = [];
  const rates: Rates[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const { row, perCommit, acked } = await ingest.measure(seconds);
    turns.push(row);
    rates.push({
      ours: acked,
      bare: await bare.run(perCommit, seconds),
      alone: await alone.run(perCommit, seconds),
      lonely: await lonely.run(1, seconds),
    });
  }
  await ingest.stop();
  for (const loop of [bare, alone, lonely]) await loop.close();
  const [row = {}] = medianRows(turns.map((turn) => [turn]));
  const mean = (of: keyof Rates): number => rates.reduce((sum, rate) => sum + rate[of], 0) / TURNS;
  return {
    ...row,
    'bare rows/s': Math.round(mean('bare')),
    'ours/bare': rounded(mean('ours') / mean('bare')),
    'storage alone/bare': rounded(mean('alone') / mean('bare')),
    'ours/each alone': rounded(mean('ours') / mean('lonely')),
  };
}

/** Of one turn, per second. */
interface Rates {
  readonly ours: number;
  readonly bare: number;
  readonly alone: number;
  readonly lonely: number;
}

async function writeClosed(bench: Bench, storage: StorageKind, writers: number): Promise<Row> {
  return measureOnce(bench, closed(storage, writers));
}

async function writeLight(bench: Bench, storage: StorageKind, database?: string): Promise<Row> {
  const { writers, perSecond } = LIGHT;
  const load = `light: ${perSecond} writes/s`;
  return measureOnce(bench, { storage, database, load, writers, pace: { perSecond }, delay: BATCH_DELAY_MS });
}

async function measureOnce(bench: Bench, writing: Writing): Promise<Row> {
  const ingest = await Ingest.start(bench, writing);
  const { row } = await ingest.measure(secondsOf(bench));
  await ingest.stop();
  return row;
}

function secondsOf({ options }: Bench): number {
  return options.seconds ?? SECONDS;
}

interface Writing {
  readonly storage: StorageKind;
  readonly database?: string | undefined;
  /** What it is called. */
  readonly load: string;
  readonly writers: number;
  readonly pace: WriteRequest['pace'];
  readonly delay: number;
}

/** Writers that write again as soon as they are acknowledged. */
function closed(storage: StorageKind, writers: number, database?: string): Writing {
  const load = `${writers} writer${writers === 1 ? '' : 's'}`;
  return { storage, database, load, writers, pace: { underWay: 1 }, delay: 0 };
}

/** A server and its writers, which write while they are measured. */
class Ingest {
  readonly #writing: Writing;
  readonly #server: MeasuredServer;
  readonly #load: LoadProcess;

  private constructor(writing: Writing, server: MeasuredServer, load: LoadProcess) {
    this.#writing = writing;
    this.#server = server;
    this.#load = load;
  }

  static async start(bench: Bench, writing: Writing): Promise<Ingest> {
    const { storage, database, writers, delay } = writing;
    const server = await bench.server({ storage, database, env: { SYNC_BATCH_DELAY: String(delay) } });
    const load = bench.load();
    await load.order('open', { port: server.port, count: writers });
    const warmUpSeconds = storage === 'postgres' ? POSTGRES_WARM_UP_SECONDS : undefined;
    await warmUp(load, { first: 0, count: writers, documents: writers }, warmUpSeconds);
    return new Ingest(writing, server, load);
  }

  async measure(seconds: number): Promise<{ row: Row; acked: number; perCommit: number }> {
    const { storage, writers, pace } = this.#writing;
    const range = { first: 0, count: writers, documents: writers };
    await this.#load.order('write', { ...range, fields: FIELDS, valueBytes: VALUE_BYTES, pace });
    const before = await commitsOf(this.#server);
    const name = `ingest-${storage}-${writers}`;
    const measured = await this.#server.profiled(name, () => measure(this.#server, this.#load, seconds));
    const after = await commitsOf(this.#server);
    await this.#load.stopWriting();
    const perCommit = Math.max(1, Math.round(per(after.rows - before.rows, after.commits - before.commits)));
    return { row: this.#rowOf(measured, before, after), acked: measured.acks / measured.seconds, perCommit };
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#server.stop();
  }

  #rowOf(measured: Measured, before: Commits, after: Commits): Row {
    const { storage, load } = this.#writing;
    const { ack } = measured;
    const commits = after.commits - before.commits;
    return {
      storage,
      load,
      'writes/s acked': rate(measured.acks, measured),
      'ack p50 ms': rounded(ack.p50),
      'ack p95 ms': rounded(ack.p95),
      'ack p99 ms': rounded(ack.p99),
      'rows/commit': per(after.rows - before.rows, commits),
      'commit ms': per((after.seconds - before.seconds) * 1_000, commits),
      'commits/s': Math.round((commits * 1_000) / (after.at - before.at)),
      ...cpuColumns(measured),
    };
  }
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
