/** A database in the layout of the reference server, and the command that imports it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { database, type TestDatabase } from './postgres.js';
import { plainNode } from '../nodes/server.js';

const cli = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

/** The tables of the reference server. */
const schema = `
  CREATE TABLE documents (
    id varchar(255) PRIMARY KEY, state jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), version bigint NOT NULL DEFAULT 1
  );
  CREATE TABLE vector_clocks (
    document_id varchar(255) NOT NULL, client_id varchar(255) NOT NULL, clock_value bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (document_id, client_id)
  );
  CREATE TABLE deltas (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), document_id varchar(255) NOT NULL, client_id varchar(255) NOT NULL,
    operation_type varchar(50) NOT NULL, field_path text, value jsonb, clock_value bigint NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE sessions (id varchar(255) PRIMARY KEY, user_id varchar(255), client_id varchar(255));
  CREATE TABLE snapshots (
    id text PRIMARY KEY, document_id varchar(255) NOT NULL, state jsonb NOT NULL, version jsonb, size_bytes integer,
    created_at timestamptz NOT NULL DEFAULT now(), compressed boolean NOT NULL DEFAULT false
  );`;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function importInto(env: NodeJS.ProcessEnv, from: string): Promise<Outcome> {
  const args = [...plainNode(), cli, 'import-reference', '--from', from];
  return new Promise((resolve) => {
    execFile('env', args, { env: { PATH: process.env['PATH'], ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

export async function reference(t: Test, sql = schema): Promise<TestDatabase> {
  const made = await database(t);
  await made.query(sql);
  return made;
}

/** As the reference server writes it today. */
export function addDocument(db: TestDatabase, id: string, fields: unknown, version = 1): Promise<void> {
  return addState(db, id, { id, fields }, version);
}

export async function addState(db: TestDatabase, id: string, state: unknown, version = 1): Promise<void> {
  await db.query(
    `INSERT INTO documents (id, state, version) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version`,
    [id, JSON.stringify(state), version],
  );
}

export function addText(db: TestDatabase, id: string, content: string, crdt: string | null, clock = 1): Promise<void> {
  return addState(db, id, { type: 'text', content, crdt, clock });
}
