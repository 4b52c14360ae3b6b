/** Servers and clients that end with the test that made them, also when it fails. */
import tap, { type Test } from 'tap';
import { signToken } from '../../../src/auth/tokens/tokens.js';
import { permissionsSchema } from '../../../src/auth/permissions.js';
import { RawClient, type ClientOptions } from '../clients/client.js';
import { dataFolder, startServer, type ServerProcess } from './server.js';

// As under the runner (.taprc); a file that is run by itself would have 30 s, which a busy machine may need.
tap.setTimeout(300_000);

/** Of the tests' servers that need tokens. */
export const secret = 'a secret for tests of more than 32 characters';

/** A data folder that is removed at the end. */
export async function folder(t: Test): Promise<string> {
  const { path, remove } = await dataFolder();
  t.teardown(remove);
  return path;
}

/**
 * A server that is killed at the end; with a data folder of its own if `env` names none.
 *
 * @param env As for `startServer`.
 */
export async function server(t: Test, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const directory = env['SYNCKIT_DATA_DIR'] ?? (await folder(t));
  const started = await startServer({ SYNCKIT_DATA_DIR: directory, ...env });
  t.teardown(() => started.kill('SIGKILL'));
  return started;
}

/** A connection that is ended at the end. */
export async function client(t: Test, to: ServerProcess, options: ClientOptions = {}): Promise<RawClient> {
  const connected = await RawClient.connect(to.url, options);
  t.teardown(() => connected.socket.terminate());
  return connected;
}

export interface TokenRights {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly admin?: boolean;
  readonly expiresInMs?: number;
}

/** A token that servers with `JWT_SECRET: secret` take; valid for an hour unless said otherwise. */
export function token(userId: string, rights: TokenRights = {}): string {
  const { read = [], write = [], admin = false, expiresInMs = 3_600_000 } = rights;
  const permissions = permissionsSchema.parse({ canRead: read, canWrite: write, isAdmin: admin });
  return signToken({ secret, userId, permissions, expiresInMs });
}
