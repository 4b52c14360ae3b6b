/** The process: configuration, node, signals, and the handshake with PM2. */
import { writeSync } from 'node:fs';
import { ConfigError, loadConfig, type Config } from './config/load.js';
import { createLogger, type Logger } from './log.js';
import { Node } from './node.js';
import { CertificateError } from './tls/certificate.js';
import { ShardStartTimeout } from './pool/shard-link.js';
import { version } from './version.js';

/** Time in ms within which a second signal counts as the same one. */
const SAME_SIGNAL_MS = 500;

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
    node = new Node({ config, log, version, onStorageLost: endAtOnce });
    port = await node.start();
  } catch (error) {
    // A mistake in the configuration is one sentence; a stack would hide it.
    if (error instanceof CertificateError) log.fatal(`the server could not start: ${error.message}`);
    else log.fatal({ err: error }, 'the server could not start');
    if (error instanceof ShardStartTimeout) endAtOnce();
    process.exit(1);
  }
  listenForSignals(node, config, log);
  log.info({ host: config.host, port, shards: config.shards, storage: config.storage.kind }, 'listening');
  // PM2 waits for this before it stops the former process.
  process.send?.('ready');
}

/** `process.exit` waits for all threads: for one that waits for LMDB or the kernel, without end. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
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
  // Without TLS, SIGHUP ends the process, as it does by default.
  if (config.tls !== undefined) process.on('SIGHUP', () => void node.listening.renewCertificate());
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('message', (message) => {
    if (message === 'shutdown') stop('shutdown');
  });
}

await serve();
