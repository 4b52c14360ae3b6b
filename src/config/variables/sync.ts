/** How documents are merged and shown, in the configuration table. */
import { duration, integer, oneOf, size } from '../kinds.js';
import { tombstones } from './tombstones.js';
import { variable } from '../variable.js';

export const sync = {
  batchSize: variable('SYNC_BATCH_SIZE', integer(1), {
    default: '100',
    meaning: 'Number of waiting writes at which a document is flushed before SYNC_BATCH_DELAY has passed.',
  }),
  batchDelayMs: variable('SYNC_BATCH_DELAY', integer(0, 60_000), {
    default: '50',
    unit: 'ms',
    meaning:
      'Longest time for which the writes of a busy document are collected before they are merged and published together. How long it is follows what a flush costs (SYNC_FLUSH_SHARE). The first write after a pause is not delayed. 0 = no batching.',
  }),
  flushShare: variable('SYNC_FLUSH_SHARE', integer(0, 100), {
    default: '50',
    unit: '% of a core',
    meaning:
      'What it may take to send often, for all documents of a process together: a document is collected for its subscribers × the measured time to send to one, divided by this share. What each byte costs comes on top. A document that costs little is sent at once, one with many subscribers less often, and all of them while the acceptor is busy; none later than SYNC_BATCH_DELAY. 0 = always SYNC_BATCH_DELAY.',
  }),
  gatherMs: variable('SYNC_GATHER_MS', integer(0, 1_000), {
    default: '2',
    unit: 'ms',
    meaning:
      'Under load, the writes of all documents of a shard that come within this time are merged together. The first write after a pause is not delayed. At most SYNC_BATCH_DELAY. 0 = no gathering.',
  }),
  commitGatherMs: variable('SYNC_COMMIT_GATHER_MS', integer(0, 1_000), {
    default: '4',
    unit: 'ms',
    meaning:
      'Under load, the least time from the begin of one commit of a shard to the next: what is merged meanwhile is committed, and acknowledged, together. The first commit after a pause is not delayed. At most SYNC_BATCH_DELAY. 0 = no gathering, as with SYNC_PUBLISH=durable, where updates would wait for it too.',
  }),
  publish: variable('SYNC_PUBLISH', oneOf('merged', 'durable'), {
    default: 'merged',
    meaning:
      'When subscribers are shown a write: `merged` = at once; what the database then refuses, or a crash takes back, is corrected. `durable` = when it is committed, together with its ack: nobody sees what is not stored. Updates are later by about the duration of a commit.',
  }),
  publishGraceMs: variable('SYNC_PUBLISH_GRACE_MS', integer(1, 2_147_483_647), {
    default: '2000',
    unit: 'ms',
    meaning:
      'With SYNC_PUBLISH=durable: when nothing was committed for so long, what waits is shown all the same, and all else at once, until a commit succeeds. Otherwise a storage that is away would stop all updates.',
  }),
  maxClockSkewMs: variable('SYNC_MAX_CLOCK_SKEW_MS', integer(0), {
    default: '60000',
    unit: 'ms',
    meaning:
      'A write whose timestamp is further ahead of the server’s clock counts as written now. A node whose own clock differs from the database’s by more is not ready.',
  }),
  maxValueDepth: variable('SYNC_MAX_VALUE_DEPTH', integer(1, 2_000), {
    default: '200',
    unit: 'levels',
    meaning:
      'Arrays and objects that may be around each other in a value or an awareness state. A deeper value is answered with INVALID_DELTA. Whoever reads a value takes stack for each level, the database too.',
  }),
  maxDocumentFields: variable('SYNC_MAX_DOCUMENT_FIELDS', integer(1), {
    default: '200000',
    meaning: 'Most fields of one document, without removed ones.',
  }),
  maxDocumentBytes: variable('SYNC_MAX_DOCUMENT_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning: 'Most memory of the fields of one document, without removed ones.',
  }),
  ...tombstones,
  deletedRetentionMs: variable('SYNCKIT_DELETED_DOCUMENT_RETENTION', duration(), {
    default: '30d',
    meaning:
      'Time for which a deleted document is kept and can be restored. Then it is erased, within a tenth of that time, or ten minutes.',
  }),
  maxTextBytes: variable('SYNC_MAX_TEXT_BYTES', size(1_024, 256 * 1024 ** 2), {
    default: '8MiB',
    unit: 'bytes',
    meaning:
      'Largest state of one collaborative text, as clients send it. A state takes about 205 bytes for each separately typed piece.',
  }),
  textDiffMs: variable('SYNC_TEXT_DIFF_MS', integer(1, 10_000), {
    default: '50',
    unit: 'ms',
    meaning:
      'Longest time to compare a text with the content that takes its place (`PUT /documents/:id/text`). What is not compared by then is replaced as a whole; the beginning and the end that both have in common always stay.',
  }),
  replayMaxFields: variable('SYNC_REPLAY_MAX_FIELDS', integer(0), {
    default: '10000',
    meaning:
      'After the answer to a subscription, the fields of a document that has at most this many are sent again, one by one, to binary clients that may be an SDK 0.1.x, which ignores the state in the answer. 0 = never: right where no client is that old.',
  }),
  replayDelayMs: variable('SYNC_REPLAY_DELAY', integer(0, 60_000), {
    default: '500',
    unit: 'ms',
    meaning:
      'How long that waits for the client to show that it reads the state: by `delta_batch`, `delta_batch_chunk`, `awareness_subscribe`, or by asking for a document twice. A client that has written a `delta` is not waited for. Later SDKs take long to read the fields one by one. 0 = no wait: right where all clients are SDK 0.1.x.',
  }),
};
