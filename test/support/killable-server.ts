/** The server with a back door for tests: the message `{kill: n}` ends the worker thread of shard n. */
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { Node } from '../../src/node.js';

const config = loadConfig(process.env);
const log = createLogger(config);
const node = new Node({ config, log, version: 'test' });
const port = await node.start();
process.on('message', ({ kill }: { kill: number }) => {
  void node.shards.links[kill]?.thread?.terminate();
});
log.info({ port }, 'listening');
