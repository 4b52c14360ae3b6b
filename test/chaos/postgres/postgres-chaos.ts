/**
 * Everything that can happen to a node and its Postgres, under load and in an order that follows from the seed.
 * Throughout, the rows are read on another connection at the time of an ack: they must hold the write.
 */
import pg from 'pg';
import type { Test } from 'tap';
import { canonical } from '../../support/clients/model-document.js';
import { startPostgres, type PostgresServer } from '../../support/postgres/postgres-server.js';
import { startProxy, type Proxy } from '../../support/network/proxy.js';
import { Random } from '../../support/random.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';
import { AckChecker } from '../checker.js';
import { ChaosLoad } from '../load.js';

const ROUNDS = 14;

type Event = (chaos: PostgresChaos) => Promise<void>;

const events: Readonly<Record<string, Event>> = {
  'kill -9 of the node': (chaos) => chaos.restartNode(),
  'kill -9 of Postgres': (chaos) => chaos.restartPostgres(),
  'kill -9 of both': async (chaos) => {
    await Promise.all([chaos.restartPostgres(), chaos.restartNode()]);
  },
  'pg_terminate_backend of all connections': (chaos) => chaos.terminateConnections(),
  'an outage': (chaos) => chaos.holdProxy('down'),
  'a kill -9 of the node in an outage': async (chaos) => {
    await Promise.all([chaos.holdProxy('down'), chaos.restartNode()]);
  },
  'a network that swallows everything': (chaos) => chaos.holdProxy('stalled'),
  'connections that are cut': async (chaos) => {
    chaos.proxy.cut();
    await Promise.resolve();
  },
};

export class PostgresChaos {
  proxy!: Proxy;
  readonly #t: Test;
  readonly #random: Random;
  readonly #checker = new AckChecker();
  readonly #load: ChaosLoad;
  readonly #lostAtAck: string[] = [];
  #postgres!: PostgresServer;
  #node: ServerProcess | undefined;
  #env: NodeJS.ProcessEnv = {};
  #watching: pg.Client | undefined;
  #isReading = false;
  #reads = 0;

  constructor(t: Test, seed: number) {
    t.comment(`SEED=${seed}`);
    this.#t = t;
    this.#random = new Random(seed);
    this.#load = new ChaosLoad(this.#checker, this.#random);
    for (const client of this.#load.clients) {
      const note = client.onAcked;
      client.onAcked = (message) => {
        note(message);
        void this.#readAtAck(message.documentId);
      };
    }
  }

  async play(): Promise<void> {
    const t = this.#t;
    await this.#start();
    // Each at least once.
    const names = Object.keys(events);
    const more = Array.from({ length: ROUNDS - names.length }, () => this.#random.pick(names));
    for (const name of this.#random.shuffle([...names, ...more])) {
      t.comment(name);
      const before = this.#checker.acks;
      this.#load.start();
      await events[name]!(this);
      await until('acks after it', () => this.#checker.acks > before);
      await this.#load.run(60);
      t.strictSame(await this.#load.lost(this.#url), [], `after ${name}, ${this.#checker.acks} acks so far`);
    }
    t.strictSame(await this.#load.differences(this.#url), [], 'all clients hold what the server holds');
    t.strictSame(await this.#load.lost(this.#url), [], 'everything that was ever acknowledged is there');
    await this.#compareRows();
    t.strictSame(this.#lostAtAck, [], `rows were read at ${this.#reads} acks`);
    t.ok(this.#reads > 0);
    t.strictSame(this.#load.problems, []);
    t.notMatch(JSON.stringify(this.#node!.log), new RegExp(new URL(this.#postgres.url).password));
  }

  async restartNode(): Promise<void> {
    await this.#node!.kill('SIGKILL');
    await until('all clients to notice', () => this.#load.clients.every(({ connected }) => !connected));
    await this.#startNode();
  }

  async restartPostgres(): Promise<void> {
    await this.#postgres.kill();
    await this.#pause(800);
    await this.#postgres.restart();
  }

  async terminateConnections(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#postgres.url });
    await client.connect();
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`);
    await client.end();
  }

  /** Longer than a statement may take, now and then. */
  async holdProxy(state: 'down' | 'stalled'): Promise<void> {
    this.proxy.set(state);
    await this.#pause(this.#random.once(2) ? 300 : 4_000);
    this.proxy.set('open');
  }

  /** What was asked for is answered before the next thing happens: a read that fails is not asked again. */
  async #startNode(): Promise<void> {
    this.#node = await startServer(this.#env);
    await this.#load.connect(this.#url);
    const { clients, documents } = this.#load;
    await until('all clients to have all documents', () =>
      clients.every((client) => documents.every((documentId) => client.isSynced(documentId))),
    );
  }

  get #url(): string {
    return this.#node!.url;
  }

  async #start(): Promise<void> {
    this.#postgres = await startPostgres();
    this.proxy = await startProxy(this.#postgres.url);
    this.#env = { DATABASE_URL: this.proxy.through(this.#postgres.url), DB_STATEMENT_TIMEOUT: '1000' };
    this.#t.teardown(async () => {
      this.#load.end();
      await this.#node?.kill('SIGKILL');
      await this.proxy.close();
      await this.#watching?.end();
      await this.#postgres.stop();
    });
    await this.#startNode();
  }

  /** One read at a time; when the database is away there is nothing to be seen. */
  async #readAtAck(documentId: string): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const floor = this.#checker.floor(documentId);
    try {
      this.#watching ??= await this.#connect();
      const { rows } = await this.#watching.query<{ path: string; value: unknown }>(
        'SELECT path, value FROM fields WHERE document_id = $1 AND NOT deleted',
        [documentId],
      );
      const state = Object.fromEntries(rows.map(({ path, value }) => [path, value]));
      this.#lostAtAck.push(...this.#checker.lost(documentId, state, floor));
      this.#reads++;
    } catch {
      this.#watching = undefined;
    } finally {
      this.#isReading = false;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#postgres.url });
    client.on('error', () => {
      if (this.#watching === client) this.#watching = undefined;
    });
    await client.connect();
    return client;
  }

  /** What is stored is what a new node would serve. */
  async #compareRows(): Promise<void> {
    const client = await this.#connect();
    const { rows } = await client.query<{ id: string; state: unknown }>('SELECT id, state FROM document_state');
    await client.end();
    for (const { id, state } of rows) {
      const held = this.#load.clients.map((model) => model.document(id).live);
      this.#t.ok(
        held.every((live) => live === canonical(state)),
        `${id} is stored as the clients hold it`,
      );
    }
  }

  async #pause(mostMs: number): Promise<void> {
    const ms = this.#random.below(mostMs);
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}
