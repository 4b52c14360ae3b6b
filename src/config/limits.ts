/** The part of the configuration table that bounds what one client, or all of them, can make the server hold. */
import { integer, size } from './kinds.js';
import { variable } from './variable.js';

export const limits = {
  maxMessagesPerMinute: variable('SYNCKIT_MAX_MESSAGES_PER_MINUTE', integer(0), {
    default: '60000',
    meaning: 'Messages of one connection per minute; acks and pongs do not count. 0 = no limit.',
  }),
  maxSubscriptions: variable('SYNCKIT_MAX_SUBSCRIPTIONS', integer(1), {
    default: '2000',
    meaning: 'Documents that one session may be subscribed to.',
  }),
  maxClientIds: variable('SYNCKIT_MAX_CLIENT_IDS', integer(1), {
    default: '64',
    meaning: 'Client ids that one session may speak for.',
  }),
  maxAwarenessBytes: variable('SYNCKIT_MAX_AWARENESS_BYTES', size(64, 1024 ** 2), {
    default: '16KiB',
    unit: 'bytes',
    meaning: 'Size of one awareness state.',
  }),
  awarenessTimeoutMs: variable('SYNCKIT_AWARENESS_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning: 'An awareness state that was not renewed for so long leaves.',
  }),
  maxLocalAwarenessBytes: variable('SYNCKIT_MAX_LOCAL_AWARENESS_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning: 'Awareness of the clients of this process, all together. What would take it over that is refused.',
  }),
  maxRemoteAwarenessBytes: variable('SYNCKIT_MAX_REMOTE_AWARENESS_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Awareness of the clients of other nodes that this process holds. What is beyond it is not shown to the clients here.',
  }),
  maxChunkSets: variable('SYNCKIT_MAX_CHUNK_SETS', integer(1, 10_000), {
    default: '8',
    meaning: 'Unfinished sets of chunks of one connection.',
  }),
  maxChunkedBytes: variable('SYNCKIT_MAX_CHUNKED_BYTES', size(1_024, 1024 ** 3), {
    default: '16MiB',
    unit: 'bytes',
    meaning:
      'Bytes in the unfinished sets of chunks of one connection. They are held as they came, in base64: a message sent in chunks can have three quarters of it.',
  }),
  chunkTimeoutMs: variable('SYNCKIT_CHUNK_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning: 'An unfinished set of chunks is dropped so long after its first chunk.',
  }),
  maxPendingBytes: variable('SYNCKIT_MAX_PENDING_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Writes that a shard may hold before they are durable. Beyond it, new writes are answered with STORAGE_UNAVAILABLE.',
  }),
  maxQueuedBytes: variable('SYNCKIT_MAX_QUEUED_BYTES', size(1_024), {
    default: '128MiB',
    unit: 'bytes',
    meaning:
      'Messages that may wait for the shards. Beyond it, new ones are answered with RATE_LIMIT_EXCEEDED; clients send them again.',
  }),
  maxLoadedBytes: variable('SYNCKIT_MAX_LOADED_BYTES', size(1_024), {
    default: '256MiB',
    unit: 'bytes',
    meaning:
      'Documents without subscribers that a shard keeps in memory. Beyond it, the least recently used are unloaded.',
  }),
};
