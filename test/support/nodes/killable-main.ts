/**
 * The server as main.ts starts it, but one that ends a shard's thread when it is told so: the message
 * `{terminate: <shard>}`. It answers each message with `{restarts: [<of each shard>], running: <whether all are>}`.
 */
import { loadConfig } from '../../../src/config/load.js';
import { createLogger } from '../../../src/log.js';
import { Node } from '../../../src/node/node.js';
import { version } from '../../../src/version.js';

/** What it is told. */
export interface Command {
  readonly terminate?: number;
}

/** What it answers. */
export interface ShardReport {
  readonly restarts: readonly number[];
  readonly running: boolean;
}

const config = loadConfig(process.env);
const log = createLogger(config);
const node = new Node({ config, log, version, onStorageLost: () => process.exit(1), onDrain: () => undefined });
const port = await node.start();

process.on('message', (command: Command) => {
  const { links } = node.shards;
  if (command.terminate !== undefined) void links[command.terminate]?.thread?.terminate();
  const report: ShardReport = {
    restarts: links.map((link) => link.restarts),
    running: links.every((link) => link.running),
  };
  process.send?.(report);
});
log.info({ port }, 'listening');
