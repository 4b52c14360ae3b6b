/** What it costs to keep the history of documents: a server without and one with it, in turns under the same load. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { dataFolder } from '../../test/support/nodes/server.js';
import type { Bench } from '../bench.js';
import type { LoadProcess } from '../load/load-process.js';
import { measure, per, rounded, warmUp } from '../measure.js';
import type { Row, Scenario } from '../scenario.js';
import { SHARDS, type MeasuredServer } from '../servers/measured-server.js';

const SECONDS = 4;
const TURNS = 3;
const WRITERS = 50;
const WRITES_PER_SECOND = 1_000;
const FIELDS = 100;
const VALUE_BYTES = 64;

export const history: Scenario = {
  name: 'history',
  about: `${WRITERS} writers with a document each, ${WRITES_PER_SECOND} writes a second, without and with HISTORY_PREFIXES`,
  rounds: 3,
  conditions: (options) => ({
    clients: 'plain binary',
    shards: SHARDS,
    'value bytes': VALUE_BYTES,
    'fields per writer': FIELDS,
    turns: TURNS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const folders = await Promise.all([dataFolder(), dataFolder()]);
    for (const { remove } of folders) bench.own({ stop: remove });
    const sizeOf = async ({ path }: { path: string }): Promise<number> => (await stat(join(path, 'data.mdb'))).size;
    const embedded = folders.map((folder) => ({
      settings: { storage: 'lmdb' as const, folder: folder.path },
      stored: () => sizeOf(folder),
    }));
    const rows = [await compare(bench, 'lmdb', embedded)];
    const postgres = await bench.postgres();
    const databases = [await postgres.database(), await postgres.database()];
    const inPostgres = databases.map((database) => ({
      settings: { storage: 'postgres' as const, database },
      stored: () => databaseSize(database),
    }));
    return [...rows, await compare(bench, 'postgres', inPostgres)];
  },
};

interface Side {
  readonly settings: Parameters<Bench['server']>[0];
  /** Bytes of the storage. */
  readonly stored: () => Promise<number>;
}

/** @param sides The one without history first. */
async function compare(bench: Bench, storage: string, sides: readonly Side[]): Promise<Row> {
  const part = bench.part();
  const running: Running[] = [];
  for (const [i, side] of sides.entries()) running.push(await Running.start(part, side, i === 1));
  for (let turn = 0; turn < TURNS; turn++)
    for (const one of running) await one.turn((bench.options.seconds ?? SECONDS) / TURNS);
  const [off, on] = running as [Running, Running];
  const entries = await on.server.metric('synckit_history_entries_total');
  const row = {
    storage,
    'off: CPU µs/write': rounded(off.cpuPerWrite),
    'on: CPU µs/write': rounded(on.cpuPerWrite),
    'on/off CPU': rounded(on.cpuPerWrite / off.cpuPerWrite),
    'off: bytes stored/write': rounded(await off.bytesPerWrite()),
    'on: bytes stored/write': rounded(await on.bytesPerWrite()),
    'values/entry bytes': per(await on.server.metric('synckit_history_bytes_total'), entries),
  };
  await part.end();
  return row;
}

class Running {
  #cpu = 0;
  #acks = 0;

  private constructor(
    readonly server: MeasuredServer,
    readonly load: LoadProcess,
    private readonly side: Side,
    private readonly before: number,
  ) {}

  static async start(bench: Bench, side: Side, isOn: boolean): Promise<Running> {
    const server = await bench.server({ ...side.settings, env: isOn ? { HISTORY_PREFIXES: '*' } : {} });
    const load = bench.load();
    await load.order('open', { port: server.port, count: WRITERS });
    await warmUp(load, { first: 0, count: WRITERS, documents: WRITERS });
    return new Running(server, load, side, await side.stored());
  }

  async turn(seconds: number): Promise<void> {
    const writers = { first: 0, count: WRITERS, documents: WRITERS, fields: FIELDS, valueBytes: VALUE_BYTES };
    await this.load.order('write', { ...writers, pace: { perSecond: WRITES_PER_SECOND } });
    const measured = await measure(this.server, this.load, seconds);
    await this.load.stopWriting();
    this.#cpu += measured.acceptor + measured.others;
    this.#acks += measured.acks;
  }

  /** Microseconds of the whole process. */
  get cpuPerWrite(): number {
    return this.#cpu / this.#acks;
  }

  /** By which the storage has grown, with its free pages. */
  async bytesPerWrite(): Promise<number> {
    return ((await this.side.stored()) - this.before) / this.#acks;
  }
}

async function databaseSize(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query<{ size: string }>('SELECT pg_database_size(current_database()) AS size');
  await client.end();
  return Number(rows[0]?.size);
}
