/** Opens the storage that an import writes to: that of the server, which is not running. */

import type { Config } from '../config/load.js';
import { openLmdbStorage } from '../storage/lmdb/storage.js';
import { ImportError } from './import-error.js';
import { checkSchema, migrate } from '../storage/postgres/migrate.js';
import type { Storage } from '../storage/port.js';
import { openPostgresStorage } from '../storage/postgres/storage.js';

/** @throws ImportError, SchemaError, DatabaseError */
export async function openTarget(storage: Config['storage']): Promise<Storage> {
  switch (storage.kind) {
    case 'memory':
      throw new ImportError('DATABASE_URL is memory: what is imported would be gone with this command');
    case 'embedded':
      try {
        return openLmdbStorage({ directory: storage.directory, mapSizeBytes: storage.mapBytes });
      } catch (cause) {
        throw new ImportError(cause instanceof Error ? cause.message : String(cause), { cause });
      }
    case 'postgres': {
      const { url, autoMigrate, statementTimeoutMs } = storage;
      if (autoMigrate) await migrate(url);
      else await checkSchema(url);
      return openPostgresStorage({ url, minConnections: 0, maxConnections: 1, statementTimeoutMs });
    }
  }
}
