/** The metrics that shards count. */
import { counts, durations, latencies } from './buckets.js';
import type { MetricSpec } from './spec.js';

export const shardMetrics = {
  deltas: {
    name: 'synckit_deltas_total',
    type: 'counter',
    owner: 'shard',
    help: 'Write messages that were merged.',
  },
  fieldsApplied: {
    name: 'synckit_fields_applied_total',
    type: 'counter',
    owner: 'shard',
    help: 'Writes of a field that won.',
  },
  fieldsLost: {
    name: 'synckit_fields_lost_total',
    type: 'counter',
    owner: 'shard',
    help: 'Writes of a field that lost against a greater one, or came twice.',
  },
  operationsPerFlush: {
    name: 'synckit_flush_operations',
    type: 'histogram',
    owner: 'shard',
    buckets: counts,
    help: 'Writes of fields that one flush of one document merges.',
  },
  textsJoined: {
    name: 'synckit_text_states_total',
    type: 'counter',
    owner: 'shard',
    help: 'States of collaborative texts that were joined.',
  },
  textBytesWritten: {
    name: 'synckit_text_written_bytes_total',
    type: 'counter',
    owner: 'shard',
    help: 'Bytes of collaborative texts given to the storage, compactions included.',
  },
  textCompactions: {
    name: 'synckit_text_compactions_total',
    type: 'counter',
    owner: 'shard',
    help: 'Texts whose stored parts were joined to one.',
  },
  relayed: {
    name: 'synckit_relayed_operations_total',
    type: 'counter',
    owner: 'shard',
    help: 'Operations sent on to the other subscribers and not kept: counters, sets and the former kind of text.',
  },
  taskTime: {
    name: 'synckit_shard_task_seconds',
    type: 'histogram',
    owner: 'shard',
    buckets: durations,
    help: 'Time a shard is busy with one task, loads and commits aside.',
  },
  mergeTime: {
    name: 'synckit_merge_seconds',
    type: 'histogram',
    owner: 'shard',
    buckets: durations,
    help: 'Time to merge one flush of one document and build its frames.',
  },
  commitTime: {
    name: 'synckit_commit_seconds',
    type: 'histogram',
    owner: 'shard',
    buckets: latencies,
    help: 'Time until a commit is durable.',
  },
  rowsPerCommit: {
    name: 'synckit_commit_rows',
    type: 'histogram',
    owner: 'shard',
    buckets: counts,
    help: 'Rows that one commit writes.',
  },
  commitFailures: {
    name: 'synckit_commit_failures_total',
    type: 'counter',
    owner: 'shard',
    help: 'Commits that failed; they are tried again.',
  },
  loadTime: {
    name: 'synckit_load_seconds',
    type: 'histogram',
    owner: 'shard',
    buckets: latencies,
    help: 'Time to load a batch of documents from storage.',
  },
  documentsLoaded: {
    name: 'synckit_documents_loaded_total',
    type: 'counter',
    owner: 'shard',
    help: 'Documents loaded from storage.',
  },
  loadFailures: {
    name: 'synckit_document_load_failures_total',
    type: 'counter',
    owner: 'shard',
    help: 'Documents that could not be loaded; their clients were told.',
  },
  documentsEvicted: {
    name: 'synckit_documents_evicted_total',
    type: 'counter',
    owner: 'shard',
    help: 'Documents unloaded to make room.',
  },
} as const satisfies Record<string, MetricSpec>;
