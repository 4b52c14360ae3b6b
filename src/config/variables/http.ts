/** What HTTP requests may take, in the configuration table. */
import { duration, flag, integer, size } from '../kinds.js';
import { variable } from '../variable.js';

export const http = {
  playground: variable('SYNCKIT_PLAYGROUND', flag(), {
    defaultWords: 'true, in production false',
    meaning:
      'Whether `/playground` is served: a page on which everybody who may read and write documents can try them. It has no permissions of its own.',
  }),
  httpTimeoutMs: variable('SYNCKIT_HTTP_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'Longest time for a client to send the body of an HTTP request, and for the server to answer it. A write that is not durable by then is answered with STORAGE_UNAVAILABLE and may be stored later.',
  }),
  minHttpAnswerRate: variable('SYNCKIT_MIN_HTTP_ANSWER_BYTES_PER_SECOND', size(1), {
    default: '64KiB',
    unit: 'bytes per second',
    meaning:
      'A client that takes longer for the answer of the HTTP API than SYNCKIT_HTTP_TIMEOUT_MS and the time that this rate needs is disconnected: what waits for it counts for SYNCKIT_MAX_HTTP_ANSWER_BYTES.',
  }),
  maxHttpBodyBytes: variable('SYNCKIT_MAX_HTTP_BODY_BYTES', size(65_536), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Bytes of the bodies of all requests about documents that are being received or answered. Further requests are refused. One body has at most as many bytes as a message (WS_MAX_PAYLOAD_BYTES).',
  }),
  maxHttpBodyParts: variable('SYNCKIT_MAX_HTTP_BODY_PARTS', integer(1), {
    default: '2048',
    meaning:
      'Parts in which the body of an HTTP request may come, such as chunks of `Transfer-Encoding: chunked`, besides one for each 64 bytes. With more, its connection is closed.',
  }),
  maxHttpAnswerBytes: variable('SYNCKIT_MAX_HTTP_ANSWER_BYTES', size(65_536), {
    default: '128MiB',
    unit: 'bytes',
    meaning:
      'Bytes of documents that may wait for HTTP clients to receive them, all together. Further requests are refused; one is always answered.',
  }),
  maxEventStreams: variable('SYNCKIT_MAX_EVENT_STREAMS', integer(0), {
    default: '500',
    meaning:
      'Most streams of server-sent events of this process. They count among the connections that are not WebSockets (SYNCKIT_MAX_HTTP_CONNECTIONS), and among those of their address (WS_MAX_CONNECTIONS_PER_IP).',
  }),
  eventHeartbeatMs: variable('SYNCKIT_EVENT_HEARTBEAT_MS', integer(100, 3_600_000), {
    default: '15000',
    unit: 'ms',
    meaning: 'A stream of events on which nothing is sent for so long gets a comment, so that no proxy ends it.',
  }),
  maxIdempotencyKeys: variable('SYNCKIT_MAX_IDEMPOTENCY_KEYS', integer(1, 1_000_000), {
    default: '10000',
    meaning: 'Values of `Idempotency-Key` whose answers this process remembers. Beyond it, the oldest are forgotten.',
  }),
  idempotencyMs: variable('SYNCKIT_IDEMPOTENCY_TTL', duration(), {
    default: '24h',
    meaning: 'For so long the answer to a request with an `Idempotency-Key` is remembered.',
  }),
};
