/** Three nodes with a Redis and a Postgres, all of which may be harmed; they live as long as there are sessions. */
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../../support/postgres/postgres-server.js';
import { startRedis, type RedisServer } from '../../support/redis/redis.js';
import { ClusterNode } from './cluster-node.js';

const names = ['one', 'two', 'three'] as const;

/** What Postgres has of a document. */
export interface StoredRows {
  /** The view `document_state`; undefined for a document that it does not have. */
  readonly state: unknown;
  /** The parts of the text, in no order. */
  readonly textParts: readonly Uint8Array[];
}

export class ClusterWorld {
  private constructor(
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly nodes: readonly ClusterNode[],
  ) {}

  static async start(): Promise<ClusterWorld> {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    const servers = { postgresUrl: postgres.url, redisUrl: redis.url };
    const nodes = await Promise.all(names.map((name) => ClusterNode.start(name, servers)));
    return new ClusterWorld(postgres, redis, nodes);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.redis.stop();
    await this.postgres.stop();
  }

  async rowsOf(documentId: string): Promise<StoredRows> {
    return this.#ask(async (client) => {
      const states = await client.query<{ state: unknown }>('SELECT state FROM document_state WHERE id = $1', [
        documentId,
      ]);
      const parts = await client.query<{ bytes: Uint8Array }>('SELECT bytes FROM text_updates WHERE document_id = $1', [
        documentId,
      ]);
      return { state: states.rows[0]?.state, textParts: parts.rows.map(({ bytes }) => bytes) };
    });
  }

  /** Ends all connections to Postgres. */
  async terminateBackends(): Promise<void> {
    await this.#ask((client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`),
    );
  }

  /** On a connection of its own, past the proxies. */
  async #ask<Answer>(question: (client: pg.Client) => Promise<Answer>): Promise<Answer> {
    const client = new pg.Client({ connectionString: this.postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await question(client);
    } finally {
      await client.end();
    }
  }
}
