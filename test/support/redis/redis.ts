/** The Redis of the tests: that of REDIS_URL, or one that is started for the file. */
import tap from 'tap';
import { startRedis } from './redis-server.js';

export * from './redis-server.js';

let shared: Promise<string> | undefined;

/** The address of a server that a file's tests share; it is not to be harmed. */
export function redisUrl(): Promise<string> {
  return (shared ??= findServer());
}

async function findServer(): Promise<string> {
  const given = process.env['REDIS_URL'] ?? '';
  if (given !== '') return given;
  const own = await startRedis();
  tap.teardown(() => own.stop());
  return own.url;
}
