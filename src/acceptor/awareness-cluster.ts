import type { AcceptorOptions } from './acceptor-options.js';
import type { AwarenessReplicationOptions } from './awareness/replication.js';

/** What awareness takes of a node of a cluster. */
export function awarenessCluster({
  run,
  shards,
  config,
}: Pick<AcceptorOptions, 'run' | 'shards' | 'config'>): AwarenessReplicationOptions {
  return {
    run,
    maxRemoteBytes: config.maxRemoteAwarenessBytes,
    shards: {
      count: shards.links.length,
      indexOf: (documentId) => shards.indexOf(documentId),
      running: (index) => shards.links[index]?.running === true,
      ready: (index) => shards.links[index]?.acceptsAwareness === true,
      send: (index, bytes) => shards.links[index]?.submitAwareness(bytes),
    },
  };
}
