/** The methods of `SnapshotStore` as they cross threads. */
import type { StorageConfig } from '../config/load.js';
import type { Snapshot, SnapshotBounds, SnapshotInfo, SnapshotUsage } from '../storage/snapshots/port.js';

/** What the thread is given when it begins. */
export interface SnapshotThreadData {
  readonly storage: StorageConfig;
}

export type SnapshotRequest =
  | { readonly kind: 'add'; readonly snapshot: Snapshot; readonly bounds: SnapshotBounds }
  | { readonly kind: 'list'; readonly documentId: string; readonly limit: number }
  | { readonly kind: 'latest' | 'removeAll'; readonly documentId: string }
  | { readonly kind: 'find' | 'get' | 'remove'; readonly id: string }
  | { readonly kind: 'removeOlder'; readonly createdBefore: number; readonly limit: number }
  | { readonly kind: 'usage' | 'close' };

/** What each request comes to. */
export interface SnapshotResults {
  readonly add: boolean;
  readonly list: SnapshotInfo[];
  readonly latest: Snapshot | undefined;
  readonly find: SnapshotInfo | undefined;
  readonly get: Snapshot | undefined;
  readonly remove: boolean;
  readonly removeAll: number;
  readonly removeOlder: number;
  readonly usage: SnapshotUsage;
  readonly close: undefined;
}

/** Failing is an answer too: an error would lose its type between threads. */
export type SnapshotAnswer<Kind extends keyof SnapshotResults = keyof SnapshotResults> =
  | { readonly ok: true; readonly result: SnapshotResults[Kind] }
  /** The reason is a sentence for operators. */
  | { readonly ok: false; readonly reason: string };
