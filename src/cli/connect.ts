/** `check-config --connect`: whether what the configuration names is there. */
import type { Config } from '../config/load.js';
import { redisProblem } from '../cluster/redis/reachable.js';
import { listenProblem, probe } from '../start/listen.js';
import { migrationStates } from '../storage/postgres/migrate.js';

/**
 * Tries database, Redis and port. Changes nothing.
 *
 * @param portMayBeInUse By the server that is to be replaced.
 * @returns A sentence for each that can't be used.
 */
export async function connectionProblems(config: Config, portMayBeInUse: boolean): Promise<string[]> {
  const found = await Promise.all([database(config), redis(config), port(config, portMayBeInUse)]);
  return found.filter((problem) => problem !== undefined);
}

async function database({ storage }: Config): Promise<string | undefined> {
  if (storage.kind !== 'postgres') return undefined;
  try {
    const missing = (await migrationStates(storage.url)).filter(({ applied }) => applied === undefined);
    if (missing.length === 0 || storage.autoMigrate) return undefined;
    return `DATABASE_URL: the database lacks ${missing.map(({ name }) => name).join(', ')}: run \`synckit-server migrate\``;
  } catch (error) {
    return `DATABASE_URL can't be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function redis({ bus }: Config): Promise<string | undefined> {
  if (bus === undefined) return undefined;
  const problem = await redisProblem(bus.url, bus.sentinels);
  return problem === undefined ? undefined : `REDIS_URL can't be used: ${problem}`;
}

async function port({ host, port }: Config, mayBeInUse: boolean): Promise<string | undefined> {
  const code = await probe({ host, port });
  if (code === undefined || (code === 'EADDRINUSE' && mayBeInUse)) return undefined;
  return listenProblem('PORT', { host, port }, code);
}
