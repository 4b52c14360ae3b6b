/** What a worker thread runs: Piscina calls the default export with each piece of work. */
import type { MessagePort } from 'node:worker_threads';
import { FieldsCore, TextCore } from '@synckit/core-wasm';
import { workerData } from 'piscina';
import { createLogger } from '../log.js';
import { MemorySharedState } from '../cluster/memory/shared-state.js';
import type { Bus, BusEvents, BusMetrics } from '../cluster/port.js';
import type { SharedState } from '../cluster/membership/shared-state.js';
import { ShardMetrics } from '../metrics/shard-metrics.js';
import { keepsHistoryOf } from '../messages/history.js';
import type { ShardInput, Work } from '../messages/work.js';
import { sendChanges } from '../storage/changes/channel.js';
import { MemoryStorage } from '../storage/memory.js';
import type { Storage } from '../storage/port.js';
import { readSchemas } from '../validation/schemas.js';
import { HistoryReads } from './history/history-reads.js';
import { answerCluster } from './replication/cluster-requests.js';
import type { ShardWorkerData } from './shard-config.js';
import { Shard } from './shard.js';

/** How long a failed shard waits for its storage before it ends. */
const CLOSE_TIMEOUT_MS = 1_000;

const { config, index, run, metricsMemory } = workerData as ShardWorkerData;
const log = createLogger(config).child({ part: 'shard', shard: index });

let storage: Storage | undefined;
let shard: Shard | undefined;
let history: HistoryReads | undefined;
let port: MessagePort | undefined;
/** Of the first shard. */
let sharedState: SharedState | undefined;

export default async function handle(work: Work): Promise<unknown> {
  switch (work.kind) {
    case 'start':
      await start(work.port, work.isReplacement);
      return undefined;
    case 'cluster':
      return answerCluster(sharedState, work.request);
    case 'lifecycle':
      if (shard === undefined) throw new Error('the shard has failed');
      return shard.endings.do(work.request);
    case 'history':
      if (history === undefined) throw new Error('the shard has not started');
      return history.do(work.request);
    case 'clock':
      return storage?.clockOffset?.();
    case 'stop':
      sharedState?.close();
      await shard?.idle();
      await shard?.close();
      await storage?.close();
      port?.close();
      return undefined;
  }
}

async function start(own: MessagePort, isReplacement: boolean): Promise<void> {
  // First, so that it connects while the storage is opened.
  if (index === 0) sharedState = await openSharedState();
  storage = await openStorage();
  const metrics = new ShardMetrics(metricsMemory);
  const texts = new TextCore({ maxStateBytes: config.maxTextBytes });
  history = new HistoryReads({ storage, texts });
  shard = new Shard({
    core: new FieldsCore(),
    ...{ texts, strings: texts.strings },
    storage,
    log,
    metrics,
    openBus: await busOpener(metrics.bus),
    compareMs: config.bus?.compareMs ?? 0,
    send: (answer) => {
      own.postMessage(answer, [answer.buffer]);
    },
    isReplacement,
    nodeId: config.writerId,
    maxClockSkewMs: config.maxClockSkewMs,
    maxValueDepth: config.maxValueDepth,
    schemas: config.schemaDirectory === undefined ? undefined : await readSchemas(config.schemaDirectory),
    limits: { maxFields: config.maxDocumentFields, maxBytes: config.maxDocumentBytes },
    keepsHistory: keepsHistoryOf(config.historyPrefixes),
    tombstones: {
      maxCount: config.maxTombstones,
      maxBytes: config.maxTombstoneBytes,
      maxAgeMs: config.maxTombstoneAgeMs,
    },
    maxTextBytes: config.maxTextBytes,
    textDiffMs: config.textDiffMs,
    replayMaxFields: config.replayMaxFields,
    publish: { when: config.publish, graceMs: config.publishGraceMs },
    maxSnapshotBytes: config.maxSnapshotBytes,
    maxPendingBytes: config.maxPendingBytes,
    stallMs: config.commitStallMs,
    // A commit in memory costs nothing that several could share.
    commitGatherMs: storage.durable ? Math.min(config.commitGatherMs, config.batchDelayMs) : 0,
    maxLoadedBytes: config.maxLoadedBytes,
    maxEchoFields: config.maxEchoFields,
  });
  port = own;
  port.on('message', take);
}

async function busOpener(metrics: BusMetrics): Promise<((events: BusEvents) => Bus) | undefined> {
  const { bus, nodeId } = config;
  if (bus === undefined) return undefined;
  const { openRedisBus } = await import('../cluster/redis/bus.js');
  const { url, cluster, sentinels, channelPrefix } = bus;
  return (events) => openRedisBus({ url, cluster, sentinels, channelPrefix, nodeId, run, events, metrics, log });
}

/** One process has none to share with: then it lasts as long as this thread. */
async function openSharedState(): Promise<SharedState> {
  if (config.bus === undefined) return new MemorySharedState();
  const { RedisSharedState } = await import('../cluster/redis/shared-state.js');
  const { url, cluster, sentinels, channelPrefix: keyPrefix } = config.bus;
  return new RedisSharedState({ url, cluster, sentinels, keyPrefix, log });
}

/** Each adapter brings a library along, which takes memory in each thread and time at each start. */
async function openStorage(): Promise<Storage> {
  switch (config.storage.kind) {
    case 'postgres': {
      const { openPostgresStorage } = await import('../storage/postgres/storage.js');
      return openPostgresStorage({
        url: config.storage.url,
        minConnections: Math.floor(config.storage.minConnections / config.shards),
        maxConnections: Math.max(1, Math.floor(config.storage.maxConnections / config.shards)),
        statementTimeoutMs: config.storage.statementTimeoutMs,
      });
    }
    case 'embedded': {
      const { openLmdbStorage } = await import('../storage/lmdb/storage.js');
      return openLmdbStorage({
        directory: config.storage.directory,
        mapSizeBytes: config.storage.mapBytes,
        recordsChanges: config.changes !== undefined,
      });
    }
    case 'memory':
      return new MemoryStorage(config.changes && sendChanges(run));
  }
}

/**
 * A record's own faults are answered inside. What gets here leaves documents in an unknown state, so the thread ends:
 * it is replaced, loads them anew and is given the unanswered tasks again.
 */
function take(input: ShardInput): void {
  // Failed already: the thread ends as soon as its storage is closed.
  if (shard === undefined) return;
  try {
    if (input.kind === 'task') shard.handle(input.task, input.bytes);
    else shard.forwardAwareness(input.bytes);
  } catch (error) {
    log.fatal({ err: error, input: input.kind }, 'the shard failed and is replaced');
    shard = undefined;
    // A thread that ends in the middle of a commit can take the process along: the database's own threads call back.
    void Promise.race([storage?.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS))]).finally(
      () => {
        process.exit(1);
      },
    );
  }
}
