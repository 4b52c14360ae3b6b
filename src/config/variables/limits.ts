/** The limits in the configuration table: what one client, or all clients together, may use of the server. */
import { integer, size } from '../kinds.js';
import { variable } from '../variable.js';

export const limits = {
  maxSubscriptions: variable('SYNCKIT_MAX_SUBSCRIPTIONS', integer(1), {
    default: '2000',
    meaning: 'Most documents that one session may be subscribed to, and most reads of it that may wait.',
  }),
  maxClientIds: variable('SYNCKIT_MAX_CLIENT_IDS', integer(1), {
    default: '64',
    meaning: 'Most client ids that one session may use for awareness.',
  }),
  maxAwarenessBytes: variable('SYNCKIT_MAX_AWARENESS_BYTES', size(64, 1024 ** 2), {
    default: '16KiB',
    unit: 'bytes',
    meaning: 'Largest awareness state.',
  }),
  awarenessTimeoutMs: variable('SYNCKIT_AWARENESS_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning: 'Time after which an awareness state that was not renewed is removed.',
  }),
  maxLocalAwarenessBytes: variable('SYNCKIT_MAX_LOCAL_AWARENESS_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning: 'Memory for the awareness states of all clients of this process. Updates that exceed it are refused.',
  }),
  maxRemoteAwarenessBytes: variable('SYNCKIT_MAX_REMOTE_AWARENESS_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Memory for the awareness states of other nodes that this process holds. States that exceed it are not shown to the clients of this process.',
  }),
  maxChunkSets: variable('SYNCKIT_MAX_CHUNK_SETS', integer(1, 10_000), {
    default: '8',
    meaning: 'Most unfinished chunk sets of one connection.',
  }),
  maxChunkedBytes: variable('SYNCKIT_MAX_CHUNKED_BYTES', size(1_024, 1024 ** 3), {
    default: '16MiB',
    unit: 'bytes',
    meaning:
      'Most bytes in the unfinished chunk sets of one connection; each chunk counts 200 bytes besides its data, each set 500. Chunks are held as they arrive, in base64, so a message sent in chunks can have at most three quarters of this size.',
  }),
  maxNodeChunkedBytes: variable('SYNCKIT_MAX_NODE_CHUNKED_BYTES', size(1_024), {
    default: '128MiB',
    unit: 'bytes',
    meaning: 'Most bytes in the unfinished chunk sets of all connections. Further chunks are refused.',
  }),
  chunkTimeoutMs: variable('SYNCKIT_CHUNK_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning: 'Time after its first chunk at which an unfinished chunk set is dropped.',
  }),
  maxPendingBytes: variable('SYNCKIT_MAX_PENDING_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Most bytes of writes of one shard that are not durable yet. Beyond it, new writes are answered with STORAGE_UNAVAILABLE.',
  }),
  commitStallMs: variable('SYNCKIT_COMMIT_STALL_MS', integer(100, 3_600_000), {
    default: '5000',
    unit: 'ms',
    meaning:
      'A commit that takes longer is logged, and the process is not ready until it is done. All later writes of its shard wait for it.',
  }),
  maxQueuedBytes: variable('SYNCKIT_MAX_QUEUED_BYTES', size(1_024), {
    default: '128MiB',
    unit: 'bytes',
    meaning:
      'Most bytes of messages that wait for the shards. Beyond it, new writes are answered with RATE_LIMIT_EXCEEDED, and clients send them again.',
  }),
  maxLoadedBytes: variable('SYNCKIT_MAX_LOADED_BYTES', size(1_024), {
    default: '256MiB',
    unit: 'bytes',
    meaning: 'Memory of one shard for documents without subscribers. Beyond it, the least recently used are evicted.',
  }),
  maxEchoFields: variable('SYNCKIT_MAX_ECHO_FIELDS', integer(0), {
    default: '100000',
    meaning:
      'Fields lately written of which a shard remembers to whom they were sent, so that nobody is sent his own write while he types. Beyond it, documents written least recently are forgotten; their writers are sent one write more.',
  }),
};
