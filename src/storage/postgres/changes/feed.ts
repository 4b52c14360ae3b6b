/** The feed of changes in Postgres, in the tables of migration 009. */
import { comparePlaces, decodeCursor, encodeCursor, type Place } from '../../changes/cursor.js';
import {
  maxPageEntries,
  type ChangeFeed,
  type ChangeKind,
  type FeedPage,
  type FeedRequest,
  type PruneRequest,
} from '../../changes/port.js';
import { Connections, type PostgresOptions } from '../connection/connection.js';
import { wantText } from './recording.js';

/** Connects when it is first used. Commits must be recorded (`setRecording`). */
export function openPostgresChanges(options: PostgresOptions): ChangeFeed {
  return new PostgresChanges(new Connections(options));
}

/** The first transaction that may still be running: entries of this one and later ones may come in any order. */
const xmin = 'pg_snapshot_xmin(pg_current_snapshot())::text::bigint';
const stateText = `SELECT name, floor_xid, floor_position, ${xmin} FROM change_feed`;

/** The state and the entries in one statement, which reads one snapshot. */
const readText = `
SELECT name, floor_xid, floor_position, ${xmin}, NULL::text, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
FROM change_feed
UNION ALL (
  SELECT NULL, NULL, NULL, NULL, document_id, kind, commit, (extract(epoch FROM changed_at) * 1000)::bigint, xid, position
  FROM changes
  WHERE (xid, position) > (
      coalesce($1::bigint, (SELECT floor_xid FROM change_feed)),
      coalesce($2::bigint, (SELECT floor_position FROM change_feed))
    ) AND xid < ${xmin}
  ORDER BY xid, position LIMIT $3
)`;

const newestText = `SELECT xid, position FROM changes WHERE xid < ${xmin} ORDER BY xid DESC, position DESC LIMIT 1`;

/**
 * Only what can be read, as readers would not learn that an entry was removed before they could read it. Entries that are
 * being written are passed over: a commit must not wait for this.
 */
const pruneText = `
WITH bound AS (
  SELECT count(*) AS entries, count(*) FILTER (WHERE xid < ${xmin}) AS readable FROM changes
), oldest AS (
  SELECT document_id, xid, position FROM changes
  WHERE (xid, position) <= ($1::bigint, $2::bigint)
    AND (xid, position) <= (
      SELECT xid, position FROM changes WHERE xid < ${xmin} ORDER BY xid, position
      OFFSET (SELECT greatest(0, least(${maxPageEntries}, readable) - 1) FROM bound) LIMIT 1
    )
    AND (changed_at < to_timestamp($3::double precision / 1000)
      OR ((SELECT entries FROM bound) > $4::bigint AND (xid, position) <= (
        SELECT xid, position FROM changes ORDER BY xid, position
        OFFSET (SELECT greatest(0, entries - $4::bigint - 1) FROM bound) LIMIT 1
      )))
  FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM changes USING oldest
  WHERE changes.document_id = oldest.document_id AND changes.xid = oldest.xid AND changes.position = oldest.position
  RETURNING changes.xid, changes.position
), last AS (
  SELECT xid, position FROM removed ORDER BY xid DESC, position DESC LIMIT 1
), raised AS (
  UPDATE change_feed SET floor_xid = last.xid, floor_position = last.position FROM last
  WHERE (last.xid, last.position) > (floor_xid, floor_position)
)
SELECT count(*) FROM removed`;

type State = readonly [name: string, floorXid: number, floorPosition: number, xmin: number];
type Entry = readonly [
  ...[null, null, null, null, documentId: string, kind: ChangeKind],
  ...[commit: number, at: number, xid: number, position: number],
];

class PostgresChanges implements ChangeFeed {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async read({ after, limit }: FeedRequest): Promise<FeedPage | undefined> {
    const cursor = after === undefined ? undefined : decodeCursor(after);
    if (after !== undefined && cursor === undefined) return undefined;
    const [xid = null, position = null] = cursor?.place ?? [];
    const rows = await this.#query(readText, [xid, position, Math.min(limit, maxPageEntries)]);
    const state = rows.find(([name]) => name !== null) as State | undefined;
    if (state === undefined) throw new Error('the table change_feed is empty');
    const [feed, floorXid, floorPosition, first] = state;
    const floor: Place = [floorXid, floorPosition];
    const start = cursor?.place ?? floor;
    // One from the future is of a database that was put back.
    const isHere = cursor === undefined || (cursor.feed === feed && start[0] < first);
    if (!isHere || comparePlaces(start, floor) < 0) return undefined;
    // The rows of a union have no order.
    const found = (rows.filter(([name]) => name === null) as unknown as Entry[])
      .map(([, , , , documentId, kind, commit, at, xid, position]) => {
        const place: Place = [xid, position];
        return { place, documentId, kind, commit, at };
      })
      .sort((a, b) => comparePlaces(a.place, b.place));
    const entries = found.map(({ place, ...change }) => ({ ...change, cursor: encodeCursor({ feed, place }) }));
    return { entries, cursor: entries.at(-1)?.cursor ?? encodeCursor({ feed, place: start }) };
  }

  async end(): Promise<string> {
    const [state] = await this.#query(stateText, []);
    const [feed, , , first] = state as unknown as State;
    return encodeCursor({ feed, place: [first - 1, Number.MAX_SAFE_INTEGER] });
  }

  async newest(): Promise<string> {
    const [row] = await this.#query(newestText, []);
    const [xid, position] = (row ?? [0, 0]) as unknown as Place;
    return encodeCursor({ feed: '-', place: [xid, position] });
  }

  async prune({ before, maxEntries, keepAfter }: PruneRequest): Promise<number> {
    await this.#query(wantText, []);
    const kept = keepAfter === undefined ? undefined : decodeCursor(keepAfter);
    const [xid, position] = kept?.place ?? [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const [row] = await this.#query(pruneText, [xid, position, before, maxEntries]);
    return Number(row?.[0]);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #query(text: string, values: unknown[]): Promise<unknown[][]> {
    return this.#connections.use((connection) => connection.query({ name: '', text, values }));
  }
}
