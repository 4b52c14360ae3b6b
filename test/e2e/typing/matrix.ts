/**
 * Prints the whole typing matrix as a Markdown table: `node dist/test/e2e/typing/matrix.js [url…]`. Without the URLs of
 * nodes (`ws://host:port/ws`) it starts one on LMDB. The documents `typing-…` of the nodes should not exist.
 */
import { dataFolder, startServer } from '../../support/nodes/server.js';
import { cells, clientKinds, scenarioNames, type Outcome } from '../../support/typing/cell.js';
import { play, table } from '../../support/typing/matrix.js';

const ROUND_TRIPS_MS = [30, 80, 200];

const closing: (() => unknown)[] = [];
const teardown = (close: () => unknown): void => void closing.push(close);
const given = process.argv.slice(2);
const urls = given.length > 0 ? given : [await ownServer()];

const outcomes: Outcome[] = [];
for (const scenario of scenarioNames) {
  const kinds = clientKinds.filter((kind) => scenario !== 'set, then delete 10 ms later' || kind.startsWith('plain'));
  // Not all scenarios at once: the clients of all cells share one thread.
  outcomes.push(...(await play({ teardown }, urls, cells([scenario], kinds, ROUND_TRIPS_MS))));
  process.stderr.write(`${scenario}\n`);
}
process.stdout.write(`${table(outcomes)}\n`);
for (const close of closing.reverse()) await close();
process.exit(0);

async function ownServer(): Promise<string> {
  const { path, remove } = await dataFolder();
  const server = await startServer({ SYNCKIT_DATA_DIR: path });
  teardown(remove);
  teardown(() => server.kill('SIGKILL'));
  return server.url;
}
