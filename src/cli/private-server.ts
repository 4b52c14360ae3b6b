/** A server of one command, on the storage of one that is stopped. */
import { randomBytes } from 'node:crypto';
import { signToken } from '../auth/tokens/tokens.js';
import { loadConfig, type Config } from '../config/load.js';
import { sections } from '../config/variables/table.js';
import type { Variable } from '../config/variable.js';
import { createLogger } from '../log.js';
import { Node } from '../node/node.js';
import { environments, folderOf } from '../storage/lmdb/environments/list.js';
import { refuseOpen } from '../storage/lmdb/backup/in-use.js';
import { readSchemas } from '../validation/schemas.js';
import { version } from '../version.js';
import { DataError, withoutStack } from './tools.js';

export interface PrivateServer {
  readonly url: string;
  /** Of an administrator. */
  readonly token: string;
  stop(): Promise<void>;
}

/** What of the server's own configuration says where documents are, and what they may hold. */
const kept: readonly string[] = ['Storage', 'Synchronisation', 'Validation', 'Limits', 'Snapshots'];

/**
 * Starts a server in this process that listens on the loopback interface alone, and that takes only the token which it
 * returns. So everything that is read and written goes the ways of a server.
 *
 * @param mayChange Whether something is to be written: then no server may have the embedded storage open.
 * @throws DataError, ConfigError
 */
export async function startPrivateServer(env: NodeJS.ProcessEnv, mayChange: boolean): Promise<PrivateServer> {
  const secret = randomBytes(32).toString('base64url');
  const config = loadConfig(privateEnv(env, secret));
  const { storage } = config;
  if (storage.kind === 'memory') {
    throw new DataError('DATABASE_URL is memory: there are documents in a server only; give --url');
  }
  const node = await withoutStack(async () => {
    if (mayChange && storage.kind === 'embedded') {
      for (const environment of environments) refuseOpen(folderOf(storage.directory, environment));
    }
    return start(config);
  });
  const permissions = { canRead: [], canWrite: [], isAdmin: true };
  const token = signToken({ secret, userId: 'synckit-cli', permissions, expiresInMs: config.tokenLifetimeMs });
  return { url: `http://127.0.0.1:${node.listening.apps.port}`, token, stop: () => node.drain() };
}

async function start(config: Config): Promise<Node> {
  if (config.schemaDirectory !== undefined) await readSchemas(config.schemaDirectory);
  const node = new Node({
    ...{ config, log: createLogger(config), version },
    onStorageLost: () => process.exit(1),
    onDrain: () => undefined,
  });
  await node.start();
  return node;
}

function privateEnv(env: NodeJS.ProcessEnv, secret: string): NodeJS.ProcessEnv {
  const own: NodeJS.ProcessEnv = {};
  for (const { title, variables } of sections) {
    for (const { name, kind } of Object.values<Variable>(variables)) {
      if (kept.includes(title)) own[name] = env[name];
      // Nobody else is to be kept from anything.
      else if (/_PER_(SECOND|MINUTE|HOUR)$/.test(name) && kind.schema.safeParse('0').success) own[name] = '0';
    }
  }
  return {
    ...own,
    ...{ HOST: '127.0.0.1', PORT: '0', SHARDS: '1', LOG_LEVEL: 'silent', METRICS_ENABLED: 'false' },
    ...{ JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'true', SYNCKIT_PLAYGROUND: 'false', SHUTDOWN_DRAIN_MS: '0' },
    // A text of the largest size, escaped in a message.
    ...{ WS_MAX_PAYLOAD_BYTES: '256MiB', SYNCKIT_MAX_QUEUED_BYTES: '1GiB', SYNCKIT_MAX_HTTP_BODY_BYTES: '1GiB' },
    // A command makes none by itself, and ends before they would be due.
    ...{ SYNCKIT_SNAPSHOT_INTERVAL_MS: '0', SYNCKIT_SNAPSHOT_EVERY_WRITES: '0' },
  };
}
