/**
 * The Postgres that all test files share, in a process of its own: prints its address, and stops when its standard input
 * ends. A Ctrl-C does not reach it before the tests that use it have ended, and it outlives no runner that was killed.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './files.mjs';

const { startPostgres } = await import(pathToFileURL(join(root, 'dist/test/support/postgres/postgres-server.js')));
const server = await startPostgres();
process.stdin.resume().once('end', () => void stop());
console.log(server.url);

async function stop() {
  await server.stop();
  process.exit(0);
}
