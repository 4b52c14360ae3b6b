/** What lies between the server and its database, found out before it is used. */

import type pg from 'pg';
import { connectClient, query } from './client.js';
import { databaseError, SchemaError } from '../errors.js';

/** Milliseconds in which a connection must be there and answer; one that waits for another to become free does not. */
const answerMs = 3_000;

/** A setting that does no harm: some poolers give a session its own connection from then on. */
const who = `SELECT pg_backend_pid(), set_config('synckit.session', 'own', false)`;

/**
 * Opens as many connections as the server may use, and closes them.
 *
 * @param max At least 1.
 * @returns How many of them are served at the same time.
 * @throws SchemaError when a pooler gives one connection of the database to several of the server's in turn.
 * @throws DatabaseError when there is none at all.
 */
export async function countConnections(url: string, max: number): Promise<number> {
  const first = await connectClient(url, answerMs, true);
  const others: pg.Client[] = [];
  try {
    const own = await backendOf(first);
    const second = max > 1 ? await tryConnect(url, others) : undefined;
    if (second === undefined) return 1;
    // In session mode, a connection of the database belongs to one of ours for as long as that lasts.
    if (second === own || (await backendOf(first)) !== own) throw new SchemaError(transactionMode);
    const more = await Promise.all(Array.from({ length: max - 2 }, () => tryConnect(url, others)));
    return 2 + more.filter((backend) => backend !== undefined).length;
  } finally {
    await Promise.all([first, ...others].map((client) => client.end().catch(() => undefined)));
  }
}

const transactionMode =
  'a pooler before the database is in transaction or statement mode, but the server keeps settings and prepared ' +
  'statements on its connections: use session mode (PgBouncer: pool_mode = session)';

/** @returns The process of the database behind a new connection; undefined when none could be had in time. */
async function tryConnect(url: string, opened: pg.Client[]): Promise<number | undefined> {
  try {
    const client = await connectClient(url, answerMs, true);
    opened.push(client);
    return await backendOf(client);
  } catch {
    return undefined;
  }
}

async function backendOf(client: pg.Client): Promise<number> {
  try {
    const [row] = await query(client, who, answerMs);
    return Number(row?.[0]);
  } catch (error) {
    throw databaseError(error);
  }
}
