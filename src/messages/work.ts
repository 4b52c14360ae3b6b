import type { Counted, NodeEntry } from '../cluster/membership/shared-state.js';
import type { ClusterView } from '../cluster/membership/view.js';

/** What the acceptor's side asks of a shard's worker through its pool. */
export type Work =
  /** Opens the storage and the core; must come first. */
  | { readonly kind: 'start' }
  /** Records in the format of task.ts; the result is an answer in the format of answer.ts, or undefined. */
  | { readonly kind: 'task'; readonly task: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** About the state that nodes share; only of the first shard. The result is a `ClusterAnswer`. */
  | { readonly kind: 'cluster'; readonly request: ClusterRequest }
  /** Entries in the format of awareness-task.ts; there is no result, and nobody keeps them. */
  | { readonly kind: 'awareness'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Answered when all that was merged is durable and the storage is closed; must come last. */
  | { readonly kind: 'stop' };

/** The methods of the shared state (src/cluster/shared-state.ts), as they cross threads. */
export type ClusterRequest =
  | { readonly kind: 'announce'; readonly entry: NodeEntry; readonly leaseMs: number }
  | { readonly kind: 'leave'; readonly run: string }
  | { readonly kind: 'count'; readonly key: string; readonly windowMs: number };

/** What each request comes to. */
export interface ClusterResults {
  readonly announce: ClusterView;
  readonly leave: undefined;
  readonly count: Counted;
}

/** Failing is an answer too: an error would lose its type between threads. */
export type ClusterAnswer<Kind extends keyof ClusterResults = keyof ClusterResults> =
  | { readonly ok: true; readonly result: ClusterResults[Kind] }
  /** The reason is a sentence for operators. */
  | { readonly ok: false; readonly reason: string };
