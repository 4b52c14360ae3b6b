/**
 * The log: one JSON line per event on standard output. Lines say what happened and to which document or session, never
 * what was in a message.
 */
import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Config } from './config/load.js';

export type Logger = PinoLogger;

/** Fields that are blanked wherever they stand, up to two levels deep, should a line ever be given one. */
const secretFields = ['token', 'secret', 'jwtSecret', 'password', 'apiKey', 'authorization', 'cookie'];

/** Bytes of lines that are kept while they can't be written; what comes then is dropped. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/**
 * Makes the logger of a thread; a part of the server gets a child of it: `log.child({ part: 'acceptor' })`.
 *
 * Every line is written before the call returns, straight to the file or its descriptor: a process that is killed in
 * the next moment has said its last words, and worker threads need not pass lines through the main thread. That costs a
 * system call a line, so what happens once per message is logged at debug or lower, if at all.
 *
 * @param destination Where the lines go instead of the log file or standard output; for tests.
 * @throws When the log file can't be opened.
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
      serializers: { err: stdSerializers.err, error: stdSerializers.err, url: withoutQuery },
    },
    destination ?? openDestination(config.logFile),
  );
}

/** A full disk costs lines, and nothing else: without a listener every call that logs would throw. */
function openDestination(file: string | undefined): DestinationStream {
  const opened = pino.destination({ dest: file ?? 1, append: true, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  opened.on('error', () => undefined);
  return opened;
}

/** Tokens may come in the query string. */
function withoutQuery(url: unknown): unknown {
  return typeof url === 'string' ? url.replace(/\?.*$/s, '') : url;
}
