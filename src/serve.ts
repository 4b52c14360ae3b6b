/** Runs the server: configuration, node, signals, and the handshake with PM2. */
import { writeSync } from 'node:fs';
import { ConfigError, loadConfig, type Config } from './config/load.js';
import { createLogger, type Logger } from './log.js';
import { Node } from './node/node.js';
import { ShardStartTimeout } from './pool/shard-link.js';
import { greeting } from './start/greeting.js';
import { endAtOnce, onStop, stopFor } from './start/signals.js';
import { readSchemas } from './validation/schemas.js';
import { version } from './version.js';

/** Time in ms within which a second signal counts as the same one. */
const SAME_SIGNAL_MS = 500;
/** Stands for a signal, in the log. */
const drainOrder = 'POST /admin/drain';

/** Runs the server until a signal ends it. */
async function serve(): Promise<void> {
  const config = configOrExit(process.env);
  const log = createLogger(config);
  for (const notice of config.notices) log.warn(notice);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });

  let node: Node;
  let port: number;
  try {
    // Each worker reads them for itself; what is wrong with them is said before any is started.
    if (config.schemaDirectory !== undefined) await readSchemas(config.schemaDirectory);
    node = new Node({
      config,
      log,
      version,
      onStorageLost: endAtOnce,
      onDrain: () => {
        stopFor(drainOrder);
      },
    });
    port = await node.start();
  } catch (error) {
    log.fatal({ err: startError(error, log) }, 'the server could not start');
    if (error instanceof ShardStartTimeout) endAtOnce();
    process.exit(1);
  }
  listenForSignals(node, config, log);
  const { host, shards, storage, publicNodeId: id } = config;
  log.info({ id, host, port, shards, storage: storage.kind }, 'listening');
  if (config.playground && process.stderr.isTTY) writeSync(2, `\n  ${greeting(config, port)}\n\n`);
  tellPm2(config);
}

/** Most failures of a start are of the surroundings: the sentence says it, and the stack is for those who debug. */
function startError(error: unknown, log: Logger): unknown {
  const isOurs = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  return error instanceof Error && !isOurs && !log.isLevelEnabled('debug') ? { message: error.message } : error;
}

/** PM2 stops the former process when it hears that this one is ready, and shows the rest in `pm2 show`. */
function tellPm2({ nodeId, publicNodeId }: Config): void {
  const data = { Node: { value: nodeId }, Id: { value: publicNodeId }, 'Ready pid': { value: process.pid } };
  if (process.env['pm_id'] !== undefined) process.send?.({ type: 'axm:monitor', data });
  process.send?.('ready');
}

function configOrExit(env: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Not `process.stderr`: PM2 replaces it by an asynchronous one, whose output is lost when the process exits.
    writeSync(2, `${error.message}\n`);
    process.exit(1);
  }
}

function listenForSignals(node: Node, config: Config, log: Logger): void {
  let stoppingSince: number | undefined;
  const stop = (signal: string): void => {
    if (stoppingSince !== undefined) {
      // What was ordered has begun already.
      if (signal === drainOrder) return;
      // The terminal signals the whole process group, and npm forwards the signal to this process once more.
      if (performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      log.warn({ signal, ...node.leftovers() }, 'second signal: ending at once');
      process.exit(1);
    }
    stoppingSince = performance.now();
    log.info({ signal }, 'draining');
    setTimeout(() => {
      log.error(node.leftovers(), 'the drain took too long: ending with work left');
      process.exit(1);
    }, config.drainDeadlineMs).unref();
    node.drain().then(
      () => {
        log.info('drained');
        process.exit(0);
      },
      (error: unknown) => {
        log.fatal({ err: error, ...node.leftovers() }, 'the drain failed');
        process.exit(1);
      },
    );
  };
  onStop(stop);
  // Without TLS, SIGHUP ends the process, as it does by default.
  if (config.tls !== undefined) process.on('SIGHUP', () => void node.listening.renewCertificate());
}

await serve();
