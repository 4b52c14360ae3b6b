/** The start of a node whose storage is Postgres. */

import { setTimeout as sleep } from 'node:timers/promises';
import { databaseError, SchemaError } from '../errors.js';
import { checkSchema, migrate } from '../migrate.js';
import { countConnections } from './pooler.js';

export interface WaitOptions {
  readonly url: string;
  /** Whether to apply the migrations that are missing. */
  readonly autoMigrate: boolean;
  /** Milliseconds after which waiting ends with an error. */
  readonly timeoutMs: number;
  /** Called with the reason of a failed attempt, if it differs from the last one. */
  readonly onWait: (reason: string) => void;
  readonly onMigrated: (names: readonly string[]) => void;
  /** Connections that the server may use. */
  readonly maxConnections: number;
  /** Called when it does not get so many at a time, with how many it gets. */
  readonly onFewer: (connections: number) => void;
}

const firstPauseMs = 100;
const lastPauseMs = 5_000;

/**
 * Resolves when the database is there and its schema is the one of this version.
 *
 * @throws SchemaError at once; an Error with the last reason when the time is over.
 */
export async function waitForDatabase(options: WaitOptions): Promise<void> {
  const { timeoutMs, onWait } = options;
  const end = Date.now() + timeoutMs;
  let reported: string | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(lastPauseMs, pauseMs * 2)) {
    let reason: string;
    try {
      await prepare(options);
      return;
    } catch (error) {
      if (error instanceof SchemaError) throw error;
      reason = databaseError(error).message;
    }
    const left = end - Date.now();
    if (left <= 0) throw new Error(`the database can't be used, and DB_CONNECT_TIMEOUT is over: ${reason}`);
    if (reason !== reported) onWait((reported = reason));
    // Jitter: nodes that start together should not retry together.
    await sleep(Math.min(left, pauseMs * (0.5 + Math.random() / 2)));
  }
}

async function prepare({ url, autoMigrate, onMigrated, maxConnections, onFewer }: WaitOptions): Promise<void> {
  const connections = await countConnections(url, maxConnections);
  if (connections < maxConnections) onFewer(connections);
  if (!autoMigrate) {
    await checkSchema(url);
    return;
  }
  const names = await migrate(url);
  if (names.length > 0) onMigrated(names);
}
