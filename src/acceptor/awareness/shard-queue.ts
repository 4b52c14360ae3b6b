import type { LocalState } from './document-awareness.js';

/** An `all` message that is being published, part by part. */
export interface Snapshot {
  readonly documentId: string;
  readonly sequence: number;
  /** The states that no part holds yet. */
  readonly states: Iterator<LocalState, undefined>;
  /** Number of the next part, from 0. */
  part: number;
}

/** What waits for one shard. */
export class ShardQueue {
  /** Documents to follow (true) or to unfollow (false). */
  readonly follows = new Map<string, boolean>();
  /** Clients that have changed, by document. */
  readonly changed = new Map<string, Set<string>>();
  /** Clients in `changed`. */
  changes = 0;
  /** Documents all of whose states are to be published. */
  readonly snapshots = new Set<string>();
  /** The one of these that is under way. */
  snapshot: Snapshot | undefined;
  /** Documents that a new worker does not follow yet; those of other shards are among them. */
  restarting: Iterator<string, undefined> | undefined;

  hasWork(): boolean {
    const { follows, changed, snapshots, snapshot, restarting } = this;
    if (snapshot !== undefined || restarting !== undefined) return true;
    return follows.size > 0 || changed.size > 0 || snapshots.size > 0;
  }

  clear(): void {
    this.follows.clear();
    this.changed.clear();
    this.changes = 0;
    this.snapshots.clear();
    this.snapshot = undefined;
    this.restarting = undefined;
  }
}
