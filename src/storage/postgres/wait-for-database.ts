/** The start of a node whose storage is Postgres. */

import { setTimeout as sleep } from 'node:timers/promises';
import { checkSchema, migrate, SchemaError } from './migrate.js';
import { databaseError } from './errors.js';

export interface WaitOptions {
  readonly url: string;
  /** Whether to apply the migrations that are missing. */
  readonly autoMigrate: boolean;
  /** Milliseconds after which a database that can't be used is given up. */
  readonly timeoutMs: number;
  /** Told why an attempt failed, if it is another reason than before. */
  readonly onWait: (reason: string) => void;
  readonly onMigrated: (names: readonly string[]) => void;
}

const firstPauseMs = 100;
const lastPauseMs = 5_000;

/**
 * Resolves when the database is there and its schema is the one of this version.
 *
 * @throws SchemaError at once; an Error that says why when the time is over.
 */
export async function waitForDatabase({ url, autoMigrate, timeoutMs, onWait, onMigrated }: WaitOptions): Promise<void> {
  const end = Date.now() + timeoutMs;
  let told: string | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(lastPauseMs, pauseMs * 2)) {
    let reason: string;
    try {
      if (!autoMigrate) {
        await checkSchema(url);
        return;
      }
      const names = await migrate(url);
      if (names.length > 0) onMigrated(names);
      return;
    } catch (error) {
      if (error instanceof SchemaError) throw error;
      reason = databaseError(error).message;
    }
    const left = end - Date.now();
    if (left <= 0) throw new Error(`the database can't be used, and DB_CONNECT_TIMEOUT is over: ${reason}`);
    if (reason !== told) onWait((told = reason));
    // Nodes that were started together need not ask together.
    await sleep(Math.min(left, pauseMs * (0.5 + Math.random() / 2)));
  }
}
