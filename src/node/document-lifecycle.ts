import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { EndingRequest } from '../messages/lifecycle-request.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { DeletionSweep } from '../pool/deletion-sweep.js';
import { lifecycleClient, type LifecycleClient } from '../pool/lifecycle-client.js';
import type { ShardSet } from '../pool/shard-set.js';
import type { SnapshotStore } from '../storage/snapshots/port.js';

export interface DocumentLifecycleParts {
  readonly config: Pick<Config, 'storage' | 'deletedRetentionMs'>;
  readonly log: Logger;
  readonly shards: ShardSet;
  readonly metrics: Pick<AcceptorMetrics, 'documentLifecycle'>;
  readonly snapshots: Pick<SnapshotStore, 'removeAll'>;
}

/** The lists, deletions and erasures of a node's documents, and what erases those that were deleted for long enough. */
export function documentLifecycle(parts: DocumentLifecycleParts): {
  readonly documents: LifecycleClient;
  readonly sweep: DeletionSweep;
} {
  const { config, log, shards, metrics, snapshots } = parts;
  const documents = erasesSnapshots(lifecycleClient(shards, config.storage.kind === 'memory'), (documentId) =>
    snapshots.removeAll(documentId),
  );
  const sweep = new DeletionSweep({
    ...{ documents, log, keepMs: config.deletedRetentionMs },
    onErased: () => {
      metrics.documentLifecycle('expired').add(1);
    },
  });
  return { documents, sweep };
}

/**
 * Lets snapshots of a document be erased with it.
 *
 * @param removeAll Removes all snapshots of a document; rejects when their storage fails.
 */
function erasesSnapshots(
  documents: LifecycleClient,
  removeAll: (documentId: string) => Promise<unknown>,
): LifecycleClient {
  return {
    list: (list) => documents.list(list),
    end: async (request) => {
      const { kind, documentId } = request;
      if (kind !== 'erase') return documents.end(request);
      // First, so that it is done once more when it fails, or the process ends: what is erased is not asked for again.
      if (await isDue(documents, request)) await removeAll(documentId);
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
