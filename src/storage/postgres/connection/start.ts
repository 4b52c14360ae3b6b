/** The start of a node whose storage is Postgres, as its log tells it. */

import type { Logger } from '../../../log.js';
import { waitForDatabase } from './wait-for-database.js';

/** Of the configuration of the storage. */
export interface DatabaseStart {
  readonly url: string;
  /** Of the whole process. */
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly autoMigrate: boolean;
}

/**
 * Resolves when the database is there and its schema is the one of this version.
 *
 * @throws As `waitForDatabase`.
 */
export async function startDatabase(options: DatabaseStart, log: Logger): Promise<void> {
  const { url, autoMigrate, maxConnections, connectTimeoutMs } = options;
  await waitForDatabase({
    ...{ url, autoMigrate, maxConnections, timeoutMs: connectTimeoutMs },
    onWait: (reason) => {
      log.warn({ reason }, 'waiting for the database');
    },
    onMigrated: (migrations) => {
      log.info({ migrations }, 'the database was migrated');
    },
    onFewer: (connections) => {
      log.warn(
        { connections, DB_POOL_MAX: maxConnections },
        'the database, or a pooler before it, serves fewer connections than DB_POOL_MAX: writes and loads will wait for each other',
      );
    },
  });
}
