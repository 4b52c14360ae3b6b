/** The budgets in the configuration table: what the requests of a client, a user or the whole process may cost. */
import { integer, size } from '../kinds.js';
import { variable } from '../variable.js';

const charged =
  'An answer is charged with its bytes; who has used more than two seconds of the rate at once waits for the next answer. 0 = no limit.';

export const budgets = {
  maxMessagesPerMinute: variable('SYNCKIT_MAX_MESSAGES_PER_MINUTE', integer(0), {
    default: '60000',
    meaning:
      'Most messages of one connection per minute; as many as in 20 seconds, and 1 000 in any case, may come at once. What is parsed on the thread that serves all connections counts more, by its bytes, `auth` as 50; acks and pongs count by their bytes alone. 0 = no limit.',
  }),
  maxUserMessagesPerMinute: variable('SYNCKIT_MAX_USER_MESSAGES_PER_MINUTE', integer(0), {
    default: '300000',
    meaning: 'The same for all connections of one authenticated user to this process. 0 = no limit.',
  }),
  maxReceivedBytesPerSecond: variable('SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND', size(0), {
    default: '32MiB',
    unit: 'bytes per second',
    meaning:
      'Bytes of messages of one connection per second; each message counts 256 bytes besides its own, and four seconds of it may come at once. 0 = no limit.',
  }),
  maxUserReceivedBytesPerSecond: variable('SYNCKIT_MAX_USER_RECEIVED_BYTES_PER_SECOND', size(0), {
    default: '64MiB',
    unit: 'bytes per second',
    meaning: 'The same for all connections of one authenticated user to this process. 0 = no limit.',
  }),
  maxFanOutBytesPerSecond: variable('SYNCKIT_MAX_FANOUT_BYTES_PER_SECOND', size(0), {
    default: '256MiB',
    unit: 'bytes per second',
    meaning:
      'Bytes of writes of one authenticated user to this process, each message with 256 bytes more and once for every subscriber of its document. Four seconds of it may be used at once; who has used more is refused until it is made up for. Of clients without a user on this host: of one connection. 0 = no limit.',
  }),
  maxUserDocumentsPerHour: variable('SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR', integer(0), {
    default: '10000',
    meaning:
      'Documents that one authenticated user may create on this process per hour, all of which may come at once. Writes to further documents that are not there yet are refused. Clients without a user count by their address, except those of this host, which have no limit. 0 = no limit.',
  }),
  maxRefusalsPerMinute: variable('SYNCKIT_MAX_REFUSALS_PER_MINUTE', integer(0), {
    default: '600',
    meaning:
      'Refused messages of one connection per minute, all of which may come at once; then it is closed with 1008. Messages that are refused because the server is overloaded, or because access can’t be checked at the moment, do not count. 0 = no limit.',
  }),
  maxMessagesBeforeAuth: variable('SYNCKIT_MAX_MESSAGES_BEFORE_AUTH', integer(1), {
    default: '20',
    meaning:
      'Messages of a connection before it is authenticated, of any type; then it is closed with 1008. Messages that wait while a token is checked do not count; see SYNCKIT_MAX_HELD_BYTES.',
  }),
  maxBytesBeforeAuth: variable('SYNCKIT_MAX_BYTES_BEFORE_AUTH', size(1_024), {
    default: '128KiB',
    unit: 'bytes',
    meaning:
      'Bytes of messages of a connection before it is authenticated, all together; then it is closed with 1008. Must have room for a token. So much may also wait while its token is checked, each message with 256 bytes besides; further ones are answered with RATE_LIMIT_EXCEEDED.',
  }),
  maxReadBytesPerSecond: variable('SYNCKIT_MAX_READ_BYTES_PER_SECOND', size(0), {
    default: '8MiB',
    unit: 'bytes per second',
    meaning: `Bytes of documents that one session may read per second. ${charged}`,
  }),
  maxUserReadBytesPerSecond: variable('SYNCKIT_MAX_USER_READ_BYTES_PER_SECOND', size(0), {
    default: '16MiB',
    unit: 'bytes per second',
    meaning: `The same for all sessions of one authenticated user on this process. ${charged}`,
  }),
  maxNodeReadBytesPerSecond: variable('SYNCKIT_MAX_NODE_READ_BYTES_PER_SECOND', size(0), {
    default: '64MiB',
    unit: 'bytes per second',
    meaning:
      'The same for all sessions of this process together. An eighth of a second of the rate may be used at once, so that the answers of large documents have pauses between them, in which others are served. 0 = no limit.',
  }),
  maxReadBytesInFlight: variable('SYNCKIT_MAX_READ_BYTES_IN_FLIGHT', size(1_024), {
    default: '16MiB',
    unit: 'bytes',
    meaning:
      'Bytes of answers to reads that the shards may be making at a time, as far as their sizes are known; one read is always made. Further reads wait.',
  }),
  maxWaitingReadBytes: variable('SYNCKIT_MAX_WAITING_READ_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning: 'Bytes of requests that wait to be read, of all sessions. Further reads are refused.',
  }),
  maxVectorEntries: variable('SYNC_MAX_VECTOR_ENTRIES', integer(16, 1_000_000), {
    default: '4096',
    meaning:
      'Entries of a vector that are looked at. Of a longer one the rest is taken as not there: the client is sent fields that it has already.',
  }),
  maxSnapshotBytes: variable('SYNCKIT_MAX_SNAPSHOT_BYTES', size(0), {
    default: '64MiB',
    unit: 'bytes',
    meaning:
      'Memory of one shard for the states of large documents that are being read, so that a state is made once for all who ask before it changes.',
  }),
  maxAwarenessBytesPerSecond: variable('SYNCKIT_MAX_AWARENESS_BYTES_PER_SECOND', size(0), {
    default: '256KiB',
    unit: 'bytes per second',
    meaning:
      'Bytes of awareness updates of one session per second; eight seconds of it may be used at once, and each update counts 128 bytes besides its state. Further updates are refused. 0 = no limit.',
  }),
  maxSessionAwarenessBytes: variable('SYNCKIT_MAX_SESSION_AWARENESS_BYTES', size(1_024), {
    default: '1MiB',
    unit: 'bytes',
    meaning: 'Memory for the awareness states of one session. Updates that exceed it are refused.',
  }),
  maxOutgoingBytes: variable('SYNCKIT_MAX_OUTGOING_BYTES', size(1_024), {
    default: '512MiB',
    unit: 'bytes',
    meaning:
      'Bytes that may wait for all clients together to receive them. From half of it on, no answers to reads are sent, and clients that have taken nothing for 10 s are disconnected; beyond it, those for whom most waits.',
  }),
};
