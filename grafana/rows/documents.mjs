/** The rows about documents: from a write to its ack, its subscribers and the disk. */
import { heatmap, lines, mean, quantiles, rate, series, states, total, valueTexts } from '../panels.mjs';

const writes = {
  title: 'Writes',
  panels: [
    lines(
      'Ack latency',
      's',
      'From the receipt of a write until its ack is sent, so until it is on disk. While storage fails no ack is sent, and nothing is counted here.',
      quantiles('synckit_ack_latency_seconds'),
      { alertAt: 0.3 },
    ),
    heatmap('Ack latency, spread', 's', 'The same as a histogram over time.', 'synckit_ack_latency_seconds'),
    lines('Writes', 'wps', 'Write messages that were merged, and the writes of fields in them.', [
      { expr: rate('synckit_deltas_total'), legend: 'messages' },
      { expr: rate('synckit_fields_applied_total'), legend: 'fields applied' },
      {
        expr: rate('synckit_fields_lost_total'),
        legend: 'fields lost against a greater write, or sent twice',
      },
    ]),
    lines(
      'Echoes',
      'ops',
      'Writes that won, by whether their writers were sent them: not where they show them; too, where those would hide them; or the field later, when they paused.',
      [{ expr: rate('synckit_echoes_total', 'kind'), legend: '{{kind}}' }],
    ),
    lines(
      'Writes of fields per flush',
      'short',
      'What one flush of one document merges. It grows with the load: that is how the server keeps up.',
      [...quantiles('synckit_flush_operations'), { expr: mean('synckit_flush_operations'), legend: 'mean' }],
    ),
    lines(
      'Coalescing wait',
      's',
      'From the receipt of the oldest write of a flush until its task leaves for the shard. A busy document waits for SYNC_BATCH_DELAY at most; more means that the shards are overloaded.',
      quantiles('synckit_coalescing_wait_seconds'),
    ),
    lines(
      'Flush window',
      's',
      'Time for which the writes of a document are collected after a flush: what the flush costs, divided by SYNC_FLUSH_SHARE. At SYNC_BATCH_DELAY, that share is used up.',
      quantiles('synckit_flush_window_seconds'),
    ),
    lines('Flushes', 'ops', 'Flushes of one document each, per second.', [
      { expr: rate('synckit_flush_operations_count', 'instance'), legend: '{{instance}}' },
    ]),
  ],
};

const fanOut = {
  title: 'Fan-out',
  panels: [
    lines(
      'Fan-out latency',
      's',
      'From the receipt of the oldest write of a flush until its frame is published. It holds the coalescing wait, so up to SYNC_BATCH_DELAY is by design.',
      quantiles('synckit_fanout_latency_seconds'),
      { alertAt: 0.3 },
    ),
    heatmap('Fan-out latency, spread', 's', 'The same as a histogram over time.', 'synckit_fanout_latency_seconds'),
    lines('Publishes and deliveries', 'cps', 'A publish is one call; it is delivered once per subscriber.', [
      { expr: rate('synckit_publishes_total'), legend: 'publishes' },
      { expr: rate('synckit_deliveries_total'), legend: 'deliveries' },
    ]),
    lines(
      'Subscribers per publish',
      'short',
      'How many clients a published frame goes to, on average.',
      [{ expr: `${rate('synckit_deliveries_total')} / ${rate('synckit_publishes_total')}`, legend: 'mean' }],
      { width: 12 },
    ),
    lines(
      'Documents with subscribers',
      'short',
      'Documents with at least one subscriber, per process.',
      [{ expr: series('synckit_subscribed_documents'), legend: '{{instance}}' }],
      { width: 12 },
    ),
  ],
};

const shards = {
  title: 'Shards',
  panels: [
    lines(
      'Tasks that are not settled',
      'short',
      'Tasks given to the shards that are not answered or not durable yet. A number that keeps growing means that shards or disk are too slow.',
      [{ expr: series('synckit_shard_tasks'), legend: '{{instance}}' }],
    ),
    lines(
      'Queued bytes',
      'bytes',
      '“coalescer”: messages that wait for their flush. “shards”: for a shard to answer or to make them durable. Beyond SYNCKIT_MAX_QUEUED_BYTES per process, new messages are refused (limit “queue”).',
      [{ expr: total('synckit_queued_bytes', 'place'), legend: '{{place}}' }],
      { stack: true },
    ),
    lines(
      'Shard load',
      'percentunit',
      'Share of the time in which the shards of a process are busy with tasks. At 100 % they are the bottleneck. Garbage collection and commits are not in it.',
      [
        {
          expr: `${rate('synckit_shard_task_seconds_sum', 'instance')} / ${total('synckit_shards_running', 'instance')}`,
          legend: '{{instance}}',
        },
      ],
      { max: 1 },
    ),
    lines(
      'Task time',
      's',
      'How long a shard is busy with one task, loads and commits aside.',
      quantiles('synckit_shard_task_seconds'),
    ),
    lines(
      'Merge time',
      's',
      'Time to merge one flush of one document and to build its frames.',
      quantiles('synckit_merge_seconds'),
    ),
    lines(
      'Shards running and restarted',
      'short',
      'Worker threads that are up, and those that died and were replaced.',
      [
        { expr: series('synckit_shards_running'), legend: 'running: {{instance}}' },
        {
          expr: `sum by (instance) (increase(${series('synckit_shard_restarts_total')}[$__rate_interval]))`,
          legend: 'restarted: {{instance}}',
        },
      ],
    ),
  ],
};

const bus = {
  title: 'Bus between nodes',
  panels: [
    states(
      'Bus',
      'Whether all shards of a process are connected to Redis, if REDIS_URL is set. Without a connection local clients go on, and nothing is heard of other nodes.',
      [{ expr: series('synckit_bus_connected'), legend: '{{instance}}' }],
      valueTexts({ 0: ['no connection', 'red'], 1: ['connected, or none wanted', 'green'] }),
    ),
    lines('Updates between nodes', 'ops', 'Updates of documents given to the bus, and received from other nodes.', [
      { expr: rate('synckit_bus_published_total'), legend: 'published' },
      { expr: rate('synckit_bus_received_total'), legend: 'received' },
    ]),
    lines(
      'Bus lag',
      's',
      'From sending an update to receiving it, by the clocks of the two nodes.',
      quantiles('synckit_bus_lag_seconds'),
    ),
    lines(
      'Updates that were lost',
      'ops',
      'Dropped: no connection, or too much unsent. Omitted: too large for a message. Gaps: messages that were missed. Each is made good by loading the document again.',
      [
        { expr: rate('synckit_bus_dropped_total'), legend: 'dropped' },
        { expr: rate('synckit_bus_omitted_total'), legend: 'omitted' },
        { expr: rate('synckit_bus_gaps_total'), legend: 'gaps' },
        { expr: rate('synckit_bus_malformed_total'), legend: 'could not be read' },
      ],
    ),
    lines(
      'Awareness between nodes',
      'ops',
      'Messages about awareness given to the bus and received from other nodes, and what was lost of it: not sent, or beyond SYNCKIT_MAX_REMOTE_AWARENESS_BYTES. What was lost is sent again.',
      [
        { expr: rate('synckit_awareness_messages_published_total'), legend: 'published' },
        { expr: rate('synckit_awareness_messages_received_total'), legend: 'received' },
        { expr: rate('synckit_awareness_messages_dropped_total', 'reason'), legend: 'dropped: {{reason}}' },
      ],
    ),
    lines('Documents loaded again', 'ops', 'After a gap, a reconnect, or the first subscription on a node.', [
      { expr: rate('synckit_bus_resyncs_total', 'instance'), legend: '{{instance}}' },
      { expr: rate('synckit_stale_documents_total', 'instance'), legend: '{{instance}}, by comparison' },
    ]),
    lines(
      'Impossible stamps',
      'ops',
      'Documents loaded with a stamp that no clock can have given, and updates of other nodes with one: something damaged the storage, or a node is broken.',
      [{ expr: rate('synckit_impossible_stamps_total', 'source'), legend: '{{source}}' }],
    ),
    lines(
      'Clock against the database',
      's',
      'How far the clock of each host is ahead of the database’s. Beyond SYNC_MAX_CLOCK_SKEW_MS a process is not ready.',
      [{ expr: series('synckit_clock_offset_seconds'), legend: '{{instance}}' }],
      { alertAt: 5 },
    ),
    lines(
      'Nodes in sight',
      'short',
      'Nodes on the list in Redis, as each process last read it; 1 without REDIS_URL or without Redis. All should agree.',
      [{ expr: series('synckit_cluster_nodes'), legend: '{{instance}}' }],
    ),
    lines(
      'List of nodes: failures',
      'ops',
      'Times that a process could not put itself on the list, and entries of it that it could not read.',
      [
        { expr: rate('synckit_cluster_announce_failures_total', 'instance'), legend: 'announce {{instance}}' },
        { expr: rate('synckit_cluster_malformed_entries_total', 'instance'), legend: 'unreadable {{instance}}' },
      ],
    ),
  ],
};

const memory = {
  title: 'Loaded documents',
  panels: [
    lines(
      'Loaded documents',
      'short',
      'Documents in memory, per process.',
      [{ expr: series('synckit_loaded_documents'), legend: '{{instance}}' }],
      { width: 6 },
    ),
    lines(
      'Memory of loaded documents',
      'bytes',
      'Per process. Beyond SYNCKIT_MAX_LOADED_BYTES per shard, the least recently used are unloaded.',
      [{ expr: series('synckit_document_bytes'), legend: '{{instance}}' }],
      { width: 6 },
    ),
    lines(
      'Loads and evictions',
      'ops',
      'Documents loaded from storage, evicted, and those that could not be loaded. Many loads and evictions at once: SYNCKIT_MAX_LOADED_BYTES is too small.',
      [
        { expr: rate('synckit_documents_loaded_total'), legend: 'loaded' },
        { expr: rate('synckit_documents_evicted_total'), legend: 'evicted' },
        { expr: rate('synckit_document_load_failures_total'), legend: 'could not be loaded' },
        { expr: rate('synckit_echo_fields_forgotten_total'), legend: 'fields whose echoes were forgotten' },
      ],
      { width: 6 },
    ),
    lines('Load time', 's', 'Time to load a batch of documents from storage.', quantiles('synckit_load_seconds'), {
      width: 6,
    }),
  ],
};

export const documentRows = { writes, fanOut, shards, bus, memory };
