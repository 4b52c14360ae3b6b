/** The rows about the processes: the overview at the top, and Node's own metrics at the bottom. */
import { lines, quantile, rate, series, stat, total, valueTexts } from '../panels.mjs';

const overview = {
  title: 'Overview',
  panels: [
    stat('Processes up', 'short', 'Processes that Prometheus could scrape.', { expr: total('up'), legend: 'up' }),
    stat('Connections', 'short', 'Open WebSocket connections.', {
      expr: total('synckit_connections'),
      legend: 'connections',
    }),
    stat('Writes', 'wps', 'Write messages that were merged.', { expr: rate('synckit_deltas_total'), legend: 'writes' }),
    stat('Deliveries', 'cps', 'Published frames times their subscribers.', {
      expr: rate('synckit_deliveries_total'),
      legend: 'deliveries',
    }),
    stat(
      'Ack p99',
      's',
      'From the receipt of a write until it is on disk and acknowledged.',
      { expr: quantile(0.99, 'synckit_ack_latency_seconds'), legend: 'p99' },
      {
        steps: [
          { color: 'orange', value: 0.3 },
          { color: 'red', value: 2 },
        ],
      },
    ),
    stat(
      'Fan-out p99',
      's',
      'From the receipt of a write until it is published to the subscribers.',
      { expr: quantile(0.99, 'synckit_fanout_latency_seconds'), legend: 'p99' },
      { steps: [{ color: 'orange', value: 0.3 }] },
    ),
    stat(
      'Storage',
      'short',
      'Failing when the last commit of any process failed.',
      { expr: `min(${series('synckit_storage_healthy')})`, legend: 'storage' },
      { mappings: valueTexts({ 0: ['failing', 'red'], 1: ['healthy', 'green'] }) },
    ),
    stat('Shards running', 'short', 'Worker threads that are up, of all processes.', {
      expr: total('synckit_shards_running'),
      legend: 'shards',
    }),
    stat(
      'Internal errors',
      'short',
      'Failures of the server in the chosen time; each is in the log.',
      { expr: `sum(increase(${series('synckit_errors_total', 'code="INTERNAL"')}[$__range]))`, legend: 'errors' },
      { steps: [{ color: 'red', value: 1 }] },
    ),
    stat('CPU', 'short', 'Cores in use by all processes, their worker threads included.', {
      expr: rate('process_cpu_seconds_total'),
      legend: 'cores',
    }),
    stat('Resident memory', 'bytes', 'Of all processes, worker threads and documents included.', {
      expr: total('process_resident_memory_bytes'),
      legend: 'resident',
    }),
    stat(
      'Version',
      'short',
      'Of the server and of Node; more than one during a rollout.',
      { expr: `count by (version, node) (${series('synckit_build_info')})`, legend: '{{version}} on Node {{node}}' },
      { named: true },
    ),
  ],
};

const processes = {
  title: 'Processes',
  panels: [
    lines('CPU', 'short', 'Cores in use per process: the acceptor’s thread, its shards and the threads of Node.', [
      { expr: rate('process_cpu_seconds_total', 'instance'), legend: '{{instance}}' },
    ]),
    lines(
      'Event-loop lag',
      's',
      'Of the acceptor’s thread, since the scrape before. Node measures it with a timer of 10 ms, so about 10 ms is idle. The shards’ loops are not in it: see “Shard load”.',
      [
        { expr: series('nodejs_eventloop_lag_p50_seconds'), legend: 'p50 {{instance}}' },
        { expr: series('nodejs_eventloop_lag_p99_seconds'), legend: 'p99 {{instance}}' },
        { expr: series('nodejs_eventloop_lag_max_seconds'), legend: 'max {{instance}}' },
      ],
      { alertAt: 0.1 },
    ),
    lines(
      'Garbage collection',
      'percentunit',
      'Share of the acceptor’s time that is spent collecting, by kind. At least: prom-client counts only one of several collections that it is notified of at once. Those of the shards are not in it.',
      [
        {
          expr: rate('nodejs_gc_duration_seconds_sum', 'instance, kind'),
          legend: '{{kind}} {{instance}}',
        },
      ],
      { stack: true },
    ),
    lines(
      'Resident memory',
      'bytes',
      'Per process, with everything: both heaps, sockets, and the documents in WebAssembly.',
      [{ expr: series('process_resident_memory_bytes'), legend: '{{instance}}' }],
      { alertAt: 2 * 1024 ** 3 },
    ),
    lines(
      'Heap and buffers',
      'bytes',
      'Of the acceptor’s thread, all processes together. The shards have heaps of their own, seen only in the resident memory.',
      [
        { expr: total('nodejs_heap_size_used_bytes'), legend: 'heap used' },
        { expr: total('nodejs_heap_size_total_bytes'), legend: 'heap reserved' },
        { expr: total('nodejs_external_memory_bytes'), legend: 'outside the heap' },
      ],
    ),
    lines(
      'Open files',
      'percentunit',
      'Sockets and files of a process, as a share of what the system allows it (ulimit -n). At 100 % no connection is taken.',
      [
        {
          expr: `${series('process_open_fds')} / ${series('process_max_fds')}`,
          legend: '{{instance}}',
        },
      ],
      { max: 1, alertAt: 0.8 },
    ),
    lines('Uptime', 's', 'A sawtooth means that a process restarts again and again.', [
      { expr: `time() - ${series('process_start_time_seconds')}`, legend: '{{instance}}' },
    ]),
    lines(
      'Garbage collection pauses',
      's',
      'Mean length of a collection on the acceptor’s thread, by kind; while it lasts nothing else happens there.',
      [
        {
          expr: `${rate('nodejs_gc_duration_seconds_sum', 'kind')} / ${rate('nodejs_gc_duration_seconds_count', 'kind')}`,
          legend: '{{kind}}',
        },
      ],
    ),
    lines('Scrape time', 's', 'How long Prometheus waits for /metrics. It is answered by the acceptor’s thread.', [
      { expr: series('scrape_duration_seconds'), legend: '{{instance}}' },
    ]),
  ],
};

export const processRows = { overview, processes };
