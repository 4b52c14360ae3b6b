/**
 * The log: one JSON line per event on standard output. Lines name the event and its document or session, and never
 * contain the content of messages.
 */
import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Config } from './config/load.js';

export type Logger = PinoLogger;

/** Fields that are redacted in every line, up to two levels deep. */
const secretFields = ['token', 'secret', 'jwtSecret', 'password', 'apiKey', 'authorization', 'cookie'];

/** Most bytes of lines that wait while they can't be written; further lines are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/**
 * Creates the logger of a thread. Each part of the server gets a child of it: `log.child({ part: 'acceptor' })`.
 *
 * Every line is written synchronously, directly to the file or descriptor: no line is lost when the process is killed,
 * and worker threads need not pass lines through the main thread. This costs a system call per line, so events that
 * happen once per message are logged at debug level or lower, if at all.
 *
 * @param destination Replaces the log file or standard output; for tests.
 * @throws Error when the log file can't be opened.
 */
export function createLogger(
  config: Pick<Config, 'logLevel' | 'nodeId' | 'logFile'>,
  destination?: DestinationStream,
): Logger {
  return pino(
    {
      level: config.logLevel,
      base: { pid: process.pid, node: config.nodeId },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: '[hidden]',
      },
      serializers: { err: errorOnly, error: errorOnly, url: withoutQuery },
    },
    destination ?? openDestination(config.logFile),
  );
}

/** Lines of one event in a second; of further ones, the next line tells the number. */
const SAMPLED_PER_SECOND = 20;

/** A log for events that clients can cause at will: of each event, only some lines a second are written. */
export class SampledLog {
  readonly #log: Logger;
  readonly #events = new Map<string, { second: number; lines: number; skipped: number }>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param event One of a few sentences. */
  sampled(level: 'info' | 'warn' | 'error', fields: object, event: string): void {
    const second = Math.floor(performance.now() / 1_000);
    let of = this.#events.get(event);
    if (of === undefined) this.#events.set(event, (of = { second, lines: 0, skipped: 0 }));
    if (of.second !== second) Object.assign(of, { second, lines: 0 });
    if (of.lines >= SAMPLED_PER_SECOND) {
      of.skipped++;
      return;
    }
    of.lines++;
    this.#log[level](of.skipped === 0 ? fields : { ...fields, skipped: of.skipped }, event);
    of.skipped = 0;
  }
}

/** With an error listener, a full disk loses log lines only; without one, every call that logs would throw. */
function openDestination(file: string | undefined): DestinationStream {
  const opened = pino.destination({ dest: file ?? 1, append: true, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  opened.on('error', () => undefined);
  return opened;
}

/** What only has a message is an error whose stack says nothing to operators. */
function errorOnly(error: unknown): unknown {
  return error instanceof Error ? stdSerializers.err(error) : error;
}

/** The query string may contain a token. */
function withoutQuery(url: unknown): unknown {
  return typeof url === 'string' ? url.replace(/\?.*$/s, '') : url;
}
