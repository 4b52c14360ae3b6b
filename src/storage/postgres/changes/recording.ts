/** Turns the recording of changes on and off: triggers of the database, so that the commits of every node are recorded. */
import { randomBytes } from 'node:crypto';
import { Connections, type Connection, type PostgresOptions } from '../connection/connection.js';

/** How long the feed is recorded after the last node that wanted it has ended, at least. In seconds. */
const WANTED_SECONDS = 120;

const lockText = 'SELECT pg_advisory_xact_lock(hashtext($1))';
const stateText = `
SELECT tgenabled <> 'D',
  (SELECT wanted_until > now() FROM change_feed),
  (SELECT coalesce(max(xid), 0) < pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM changes)
FROM pg_trigger WHERE tgrelid = 'documents'::regclass AND tgname = 'record_updated'`;
const beginText = 'UPDATE change_feed SET name = $1, floor_xid = 0, floor_position = 0';
const triggers = ['record_inserted', 'record_updated'] as const;

/** Says that a node wants the feed; to be repeated more often than the feed outlives its nodes. */
export const wantText = `UPDATE change_feed SET wanted_until = now() + interval '${WANTED_SECONDS} seconds'`;

/**
 * Makes the database record commits, or not. A feed that was not recorded for a while begins anew. It is left on when
 * another node has wanted it within the last two minutes.
 *
 * @returns Whether commits are recorded now.
 * @throws DatabaseError; the role needs to be the owner of the table `documents` to turn it on or off.
 */
export async function setRecording(url: string, wanted: boolean): Promise<boolean> {
  const options: PostgresOptions = { url, minConnections: 0, maxConnections: 1, statementTimeoutMs: 60_000 };
  const connections = new Connections(options);
  try {
    return await connections.use(async (connection) => {
      await connection.query('BEGIN');
      await connection.query({ name: '', text: lockText, values: ['synckit changes'] });
      const isOn = await change(connection, wanted);
      await connection.query('COMMIT');
      return isOn;
    });
  } finally {
    await connections.close();
  }
}

async function change(connection: Connection, wanted: boolean): Promise<boolean> {
  const [state] = await connection.query(stateText);
  const [isOn, isWanted, isOfHere] = state as unknown as readonly [boolean, boolean, boolean];
  if (!wanted) {
    if (!isOn) return false;
    if (isWanted) return true;
    await switchTriggers(connection, 'DISABLE');
    return false;
  }
  if (!isOn) await switchTriggers(connection, 'ENABLE');
  // Entries of a database that this one is a copy of have numbers of transactions that are to come here.
  if (!isOn || !isOfHere) {
    await connection.query('DELETE FROM changes');
    await connection.query({ name: '', text: beginText, values: [randomBytes(9).toString('base64url')] });
  }
  await connection.query(wantText);
  return true;
}

async function switchTriggers(connection: Connection, action: 'ENABLE' | 'DISABLE'): Promise<void> {
  const actions = triggers.map((name) => `${action} TRIGGER ${name}`).join(', ');
  await connection.query(`ALTER TABLE documents ${actions}`);
}
