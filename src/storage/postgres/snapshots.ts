/** Snapshots in Postgres, in the table of migration 007. */
import {
  surplus,
  type Snapshot,
  type SnapshotBounds,
  type SnapshotInfo,
  type SnapshotStore,
  type SnapshotUsage,
} from '../snapshots/port.js';
import { Connections, type PostgresOptions } from './connection/connection.js';
import { databaseError } from './errors.js';

/** Connects when it is first used. */
export function openPostgresSnapshots(options: PostgresOptions): SnapshotStore {
  return new PostgresSnapshots(new Connections(options));
}

const columns = 'id, document_id, version::text, size_bytes, created_at, automatic, tag';
/** As text: the driver would parse JSON. */
const withState = `${columns}, state::text`;
/** Tries of a transaction that conflicts with another one. */
const maxTries = 5;

type Query = (text: string, values: unknown[]) => Promise<unknown[][]>;

class PostgresSnapshots implements SnapshotStore {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  add(snapshot: Snapshot, bounds: SnapshotBounds): Promise<boolean> {
    const { id, documentId, version, sizeBytes, createdAt, isAutomatic, tag, state } = snapshot;
    return this.#transact(async (query) => {
      // One at a time, as each of them looks at all others.
      await query(`SELECT pg_advisory_xact_lock(hashtext('synckit snapshots'))`, []);
      const existing = await query(`SELECT ${columns} FROM snapshots WHERE document_id = $1 ${oldestFirst}`, [
        documentId,
      ]);
      const removed = surplus(existing.map(infoOf), snapshot, bounds);
      await query('DELETE FROM snapshots WHERE id = ANY($1::text[])', [removed.map((info) => info.id)]);
      const [sum] = await query('SELECT coalesce(sum(size_bytes), 0) FROM snapshots', []);
      if (Number(sum?.[0]) + sizeBytes > bounds.maxBytes) return { result: false, isUndone: true };
      const values = [id, documentId, textOf(state), JSON.stringify(version), sizeBytes, createdAt, isAutomatic, tag];
      await query(
        `INSERT INTO snapshots (id, document_id, state, version, size_bytes, created_at, automatic, tag)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        values,
      );
      return { result: true };
    });
  }

  async list(documentId: string, limit: number): Promise<SnapshotInfo[]> {
    const text = `SELECT ${columns} FROM snapshots WHERE document_id = $1 ${newestFirst} LIMIT $2`;
    return (await this.#query(text, [documentId, limit])).map(infoOf);
  }

  async latest(documentId: string): Promise<Snapshot | undefined> {
    const text = `SELECT ${withState} FROM snapshots WHERE document_id = $1 ${newestFirst} LIMIT 1`;
    return snapshotOf(await this.#query(text, [documentId]));
  }

  async find(id: string): Promise<SnapshotInfo | undefined> {
    const [row] = await this.#query(`SELECT ${columns} FROM snapshots WHERE id = $1`, [id]);
    return row === undefined ? undefined : infoOf(row);
  }

  async get(id: string): Promise<Snapshot | undefined> {
    return snapshotOf(await this.#query(`SELECT ${withState} FROM snapshots WHERE id = $1`, [id]));
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#query('DELETE FROM snapshots WHERE id = $1 RETURNING id', [id])).length > 0;
  }

  async removeAll(documentId: string): Promise<number> {
    return (await this.#query('DELETE FROM snapshots WHERE document_id = $1 RETURNING id', [documentId])).length;
  }

  async removeOlder(createdBefore: number, limit: number): Promise<number> {
    const rows = await this.#query(
      `DELETE FROM snapshots WHERE id IN (
        SELECT id FROM snapshots WHERE automatic AND created_at < $1 ORDER BY created_at LIMIT $2
        FOR UPDATE SKIP LOCKED
      ) RETURNING id`,
      [createdBefore, limit],
    );
    return rows.length;
  }

  async usage(): Promise<SnapshotUsage> {
    const [row] = await this.#query('SELECT count(*), coalesce(sum(size_bytes), 0) FROM snapshots', []);
    return { count: Number(row?.[0]), bytes: Number(row?.[1]) };
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #query(text: string, values: unknown[]): Promise<unknown[][]> {
    return this.#connections.use((connection) => connection.query({ name: '', text, values }));
  }

  async #transact<Result>(
    action: (query: Query) => Promise<{ readonly result: Result; readonly isUndone?: boolean }>,
  ): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#connections.use(async (connection) => {
          await connection.query('BEGIN');
          const done = await action((text, values) => connection.query({ name: '', text, values }));
          await connection.query(done.isUndone === true ? 'ROLLBACK' : 'COMMIT');
          return done.result;
        });
      } catch (error) {
        if (tries === maxTries || databaseError(error).remedy !== 'repeat') throw error;
      }
    }
  }
}

const oldestFirst = 'ORDER BY created_at, id';
const newestFirst = 'ORDER BY created_at DESC, id DESC';

function infoOf(row: readonly unknown[]): SnapshotInfo {
  const [id, documentId, version, sizeBytes, createdAt, isAutomatic, tag] = row;
  return {
    id: String(id),
    documentId: String(documentId),
    version: JSON.parse(String(version)) as SnapshotInfo['version'],
    sizeBytes: Number(sizeBytes),
    createdAt: Number(createdAt),
    isAutomatic: isAutomatic === true,
    tag: String(tag),
  };
}

function snapshotOf([row]: readonly unknown[][]): Snapshot | undefined {
  return row === undefined ? undefined : { ...infoOf(row), state: Buffer.from(String(row[7])) };
}

function textOf(state: Uint8Array): string {
  return Buffer.from(state.buffer, state.byteOffset, state.byteLength).toString();
}
