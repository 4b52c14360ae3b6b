import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { EndingRequest } from '../messages/lifecycle-request.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { DeletionSweep } from '../pool/deletion-sweep.js';
import { historyClient, type HistoryClient } from '../pool/history-client.js';
import { HistorySweep } from '../pool/history-sweep.js';
import { lifecycleClient, type LifecycleClient } from '../pool/lifecycle-client.js';
import type { ShardSet } from '../pool/shard-set.js';
import type { SnapshotStore } from '../storage/snapshots/port.js';

export interface DocumentLifecycleParts {
  readonly config: Pick<
    Config,
    'storage' | 'deletedRetentionMs' | 'historyPrefixes' | 'historyMaxAgeMs' | 'historyMaxEntries'
  >;
  readonly log: Logger;
  readonly shards: ShardSet;
  readonly metrics: Pick<AcceptorMetrics, 'documentLifecycle' | 'historyPruned' | 'historyFailures'>;
  readonly snapshots: Pick<SnapshotStore, 'removeAll'>;
}

/** What is done in the background: documents are erased that were deleted for long enough, and old history is dropped. */
export type DocumentSweep = Pick<DeletionSweep, 'start' | 'stop'>;

/** The lists, deletions, erasures and histories of a node's documents. */
export function documentLifecycle(parts: DocumentLifecycleParts): {
  readonly lifecycle: LifecycleClient;
  readonly history: HistoryClient;
  readonly sweep: DocumentSweep;
} {
  const { config, log, shards, metrics, snapshots } = parts;
  const { kind } = config.storage;
  const documents = erasesSnapshots(lifecycleClient(shards, kind === 'memory'), {
    removeAll: (documentId) => snapshots.removeAll(documentId),
    isOneStorage: kind === 'postgres',
  });
  const sweep = new DeletionSweep({
    ...{ documents, log, keepMs: config.deletedRetentionMs },
    onErased: () => {
      metrics.documentLifecycle('expired').add(1);
    },
  });
  const history = historyClient(shards, kind === 'memory');
  if (config.historyPrefixes === undefined || config.historyPrefixes.length === 0)
    return { lifecycle: documents, history, sweep };
  const pruning = new HistorySweep({
    ...{ history, log, keepMs: config.historyMaxAgeMs, keep: config.historyMaxEntries },
    onPruned: (entries) => {
      metrics.historyPruned.add(entries);
    },
    onFailed: () => {
      metrics.historyFailures.add(1);
    },
  });
  return { lifecycle: documents, history, sweep: both(sweep, pruning) };
}

function both(...sweeps: readonly DocumentSweep[]): DocumentSweep {
  return {
    start: () => {
      for (const sweep of sweeps) sweep.start();
    },
    stop: () => {
      for (const sweep of sweeps) sweep.stop();
    },
  };
}

interface ErasedSnapshots {
  /** Removes all snapshots of a document; rejects when their storage fails. */
  readonly removeAll: (documentId: string) => Promise<unknown>;
  /** Whether they are in the storage of the documents, which erases both in one transaction, or neither. */
  readonly isOneStorage: boolean;
}

/** Lets snapshots of a document be erased with it. */
function erasesSnapshots(documents: LifecycleClient, { removeAll, isOneStorage }: ErasedSnapshots): LifecycleClient {
  return {
    list: (list) => documents.list(list),
    end: async (request) => {
      const { kind, documentId } = request;
      if (kind !== 'erase') return documents.end(request);
      // First, so that it is done once more when it fails, or the process ends: what is erased is not asked for again.
      if (!isOneStorage && (await isDue(documents, request))) await removeAll(documentId);
      const isErased = await documents.end(request);
      // Also what was made meanwhile.
      if (isErased) await removeAll(documentId);
      return isErased;
    },
  };
}

/** Whether a document is to be erased: the sweep may have to do with one that somebody has restored meanwhile. */
async function isDue(documents: LifecycleClient, { documentId, deletedBefore }: EndingRequest): Promise<boolean> {
  if (deletedBefore === undefined) return true;
  // An id comes before those that begin with it.
  const page = await documents.list({ prefix: documentId, after: '', limit: 1, state: 'deleted' });
  const [first] = page.documents;
  return first?.id === documentId && (first.deletedAt ?? Infinity) < deletedBefore;
}
