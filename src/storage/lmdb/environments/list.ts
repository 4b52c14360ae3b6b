/** All LMDB environments of a data directory: what is copied, restored and checked. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataName, lockName } from '../before-open.js';
import { markerName } from '../marker.js';
import { accounts } from './accounts.js';
import { documents } from './documents.js';
import type { Environment } from './environment.js';
import { snapshots } from './snapshots.js';
import { webhooks } from './webhooks.js';

export const environments: readonly Environment[] = [documents, accounts, snapshots, webhooks];

/** Folder of an environment. */
export function folderOf(directory: string, { folder }: Environment): string {
  return join(directory, folder);
}

/**
 * The environments that a data directory has or had: that of the documents, and others of which there is a trace. A
 * server of an older version made no others.
 */
export function environmentsOf(directory: string): Environment[] {
  return environments.filter(
    (environment) =>
      environment === documents ||
      [dataName, lockName, markerName].some((name) => existsSync(join(folderOf(directory, environment), name))),
  );
}
