import type { MessagePort } from 'node:worker_threads';
import type { Counted, NodeEntry, ThrottlePolicy } from '../cluster/membership/shared-state.js';
import type { HistoryRequest } from './history.js';
import type { LifecycleRequest } from './lifecycle-request.js';
import type { ClusterView } from '../cluster/membership/view.js';

/** What a shard's worker is asked through its pool: its life cycle, and requests that have a result. */
export type Work =
  /**
   * Opens the storage and the core; must come first. Rejects when one of them can't be opened.
   *
   * A replacement follows a worker that died. The port is the worker's alone: it takes `ShardInput` and posts answers in the format of answer.ts.
   */
  | { readonly kind: 'start'; readonly port: MessagePort; readonly isReplacement: boolean }
  /** About the state that nodes share; for the first shard only. The result is a `ClusterAnswer`. */
  | { readonly kind: 'cluster'; readonly request: ClusterRequest }
  /** About whole documents. The result is a `ListPage`, or whether there is such a document; rejects when the storage fails. */
  | { readonly kind: 'lifecycle'; readonly request: LifecycleRequest }
  /** About what documents were. The result is what `HistoryReads` says; rejects when the storage fails. */
  | { readonly kind: 'history'; readonly request: HistoryRequest }
  /** Resolves with how far this host's clock is ahead of the storage's, in ms; undefined where that has none of its own. */
  | { readonly kind: 'clock' }
  /** Resolves when all that was merged is durable, the storage is closed and the port too; must come last. */
  | { readonly kind: 'stop' };

/** What a shard's worker takes from its port, in order. */
export type ShardInput =
  /** Records in the format of task.ts, and the number by which answers name the task. */
  | { readonly kind: 'task'; readonly task: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Entries in the format of awareness-task.ts. */
  | { readonly kind: 'awareness'; readonly bytes: Uint8Array<ArrayBuffer> };

/** The methods of the shared state (src/cluster/shared-state.ts), as they cross threads. */
export type ClusterRequest =
  | { readonly kind: 'announce'; readonly entry: NodeEntry; readonly leaseMs: number }
  | { readonly kind: 'leave'; readonly run: string }
  | { readonly kind: 'count'; readonly key: string; readonly windowMs: number }
  | { readonly kind: 'attempt'; readonly key: string; readonly policy: ThrottlePolicy }
  | { readonly kind: 'settle'; readonly key: string; readonly how: 'clear' | 'takeBack' };

/** What each request comes to. */
export interface ClusterResults {
  readonly announce: ClusterView;
  readonly leave: undefined;
  readonly count: Counted;
  readonly attempt: number;
  readonly settle: undefined;
}

/** Failing is an answer too: an error would lose its type between threads. */
export type ClusterAnswer<Kind extends keyof ClusterResults = keyof ClusterResults> =
  | { readonly ok: true; readonly result: ClusterResults[Kind] }
  /** The reason is a sentence for operators. */
  | { readonly ok: false; readonly reason: string };
