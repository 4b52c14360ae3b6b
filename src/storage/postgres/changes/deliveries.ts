/** What is known of deliveries to the webhook in Postgres, in the tables of migration 009. */
import type { DeliveryState, DeliveryStep, DeliveryStore, FailedEvent, Lease } from '../../webhooks/port.js';
import { Connections, type Connection, type PostgresOptions } from '../connection/connection.js';

/** Connects when it is first used. */
export function openPostgresDeliveries(options: PostgresOptions): DeliveryStore {
  return new PostgresDeliveries(new Connections(options));
}

const leaseText = `
WITH taken AS (
  UPDATE webhook_state SET holder = $1, held_until = clock_timestamp() + $2::double precision * interval '1 millisecond'
  WHERE holder IS NOT DISTINCT FROM $1 OR held_until < clock_timestamp()
  RETURNING 1
)
SELECT EXISTS (SELECT FROM taken), revision, (SELECT count(*) FROM webhook_events WHERE is_dead) FROM webhook_state`;
const releaseText = `UPDATE webhook_state SET holder = NULL, held_until = '-infinity' WHERE holder = $1`;
const columns = 'document_id, kind, commit, changed_at, attempts, next_at, reason';
const upsertText = `
INSERT INTO webhook_events (${columns}, is_dead)
SELECT *, $8::boolean FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::integer[], $6::bigint[], $7::text[])
ON CONFLICT (document_id) DO UPDATE SET kind = excluded.kind, commit = excluded.commit, changed_at = excluded.changed_at,
  attempts = excluded.attempts, next_at = excluded.next_at, reason = excluded.reason, is_dead = excluded.is_dead`;
const surplusText = `
DELETE FROM webhook_events WHERE document_id IN (
  SELECT document_id FROM webhook_events WHERE is_dead ORDER BY next_at DESC OFFSET $1
)`;
const retryText = `
WITH revived AS (
  UPDATE webhook_events SET is_dead = false, attempts = 0, next_at = 0
  WHERE is_dead AND ($1::text IS NULL OR document_id = $1) RETURNING 1
), told AS (
  UPDATE webhook_state SET revision = revision + 1 WHERE EXISTS (SELECT FROM revived)
)
SELECT count(*) FROM revived`;

type Row = readonly [
  ...[documentId: string, kind: FailedEvent['kind'], commit: number, at: number],
  ...[attempts: number, nextAt: number, reason: string],
];

class PostgresDeliveries implements DeliveryStore {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async lease(holder: string, ms: number): Promise<Lease> {
    const [row] = await this.#query(leaseText, [holder, ms]);
    const [isHeld, revision, dead] = row as unknown as readonly [boolean, number, number];
    return { isHeld, revision, dead };
  }

  async release(holder: string): Promise<void> {
    await this.#query(releaseText, [holder]);
  }

  async begin(cursor: string): Promise<void> {
    await this.#query('UPDATE webhook_state SET cursor = $1 WHERE cursor IS NULL', [cursor]);
  }

  async cursor(): Promise<string | undefined> {
    const [row] = await this.#query('SELECT cursor FROM webhook_state', []);
    return (row?.[0] ?? undefined) as string | undefined;
  }

  async load(): Promise<DeliveryState> {
    const cursor = await this.cursor();
    const rows = await this.#query(`SELECT ${columns} FROM webhook_events WHERE NOT is_dead`, []);
    return { cursor, failed: rows.map(eventOf) };
  }

  save(holder: string, { cursor, failed, dead, done }: DeliveryStep, maxDead: number): Promise<boolean> {
    return this.#connections.use(async (connection) => {
      await connection.query('BEGIN');
      const text = 'SELECT 1 FROM webhook_state WHERE holder = $1 AND held_until > clock_timestamp() FOR UPDATE';
      const [held] = await query(connection, text, [holder]);
      if (held !== undefined) {
        if (cursor !== undefined) await query(connection, 'UPDATE webhook_state SET cursor = $1', [cursor]);
        if (done.length > 0) {
          await query(connection, 'DELETE FROM webhook_events WHERE document_id = ANY ($1::text[])', [done]);
        }
        if (failed.length > 0) await query(connection, upsertText, valuesOf(failed, false));
        if (dead.length > 0) {
          await query(connection, upsertText, valuesOf(dead, true));
          await query(connection, surplusText, [maxDead]);
        }
      }
      await connection.query('COMMIT');
      return held !== undefined;
    });
  }

  async dead(after: string, limit: number): Promise<FailedEvent[]> {
    const text = `SELECT ${columns} FROM webhook_events WHERE is_dead AND document_id > $1 ORDER BY document_id LIMIT $2`;
    return (await this.#query(text, [after, limit])).map(eventOf);
  }

  async retry(documentId: string | undefined): Promise<number> {
    const [row] = await this.#query(retryText, [documentId ?? null]);
    return Number(row?.[0]);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #query(text: string, values: unknown[]): Promise<unknown[][]> {
    return this.#connections.use((connection) => query(connection, text, values));
  }
}

function query(connection: Connection, text: string, values: unknown[]): Promise<unknown[][]> {
  return connection.query({ name: '', text, values });
}

function eventOf(row: readonly unknown[]): FailedEvent {
  const [documentId, kind, commit, at, attempts, nextAt, reason] = row as unknown as Row;
  return { documentId, kind, commit, at, attempts, nextAt, reason };
}

function valuesOf(events: readonly FailedEvent[], isDead: boolean): unknown[] {
  return [
    events.map(({ documentId }) => documentId),
    events.map(({ kind }) => kind),
    events.map(({ commit }) => commit),
    events.map(({ at }) => at),
    events.map(({ attempts }) => attempts),
    events.map(({ nextAt }) => nextAt),
    events.map(({ reason }) => reason),
    isDead,
  ];
}
