/** Whether a node should be sent clients, and why not. */
import type { DatabaseClock } from '../pool/database-clock.js';
import type { ShardSet } from '../pool/shard-set.js';
import type { Readiness } from './ports.js';

export interface ReadinessSources {
  readonly isStarting: boolean;
  readonly shards: Pick<ShardSet, 'links' | 'status'>;
  readonly clock: Pick<DatabaseClock, 'isOff' | 'offsetMs'>;
}

export function readinessOf({ isStarting, shards, clock }: ReadinessSources): Readiness {
  const reasons: string[] = [];
  const { storageHealthy, busConnected } = shards.status();
  if (isStarting) reasons.push('The server is starting.');
  if (shards.links.some((link) => !link.running)) reasons.push('A shard is being restarted.');
  if (!storageHealthy) reasons.push('The storage does not take writes.');
  if (clock.isOff) {
    const seconds = Math.round(Math.abs(clock.offsetMs) / 1_000);
    reasons.push(`The clock is ${seconds} s ${clock.offsetMs > 0 ? 'ahead of' : 'behind'} that of the database.`);
  }
  const notes = busConnected ? [] : ['No connection to the bus: updates of other nodes are not received.'];
  return { ready: reasons.length === 0, reasons, notes };
}
