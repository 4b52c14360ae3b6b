/** What the acceptor asks the shards about what documents were. */
import type { HistoryEntry, HistoryPlace, Prune } from '../storage/history/port.js';

/** Whether the history of a document is kept; undefined when no history is. */
export type KeepsHistory = ((documentId: string) => boolean) | undefined;

/** @param prefixes What the ids begin with; `*` stands for all. */
export function keepsHistoryOf(prefixes: readonly string[] = []): KeepsHistory {
  if (prefixes.length === 0) return undefined;
  if (prefixes.includes('*')) return () => true;
  return (documentId) => prefixes.some((prefix) => documentId.startsWith(prefix));
}

/** Changes to be taken back. */
export interface RollbackRequest {
  /** Only what came after this time, in ms since the epoch; all that is kept when it is missing. */
  readonly since?: number | undefined;
  /** Only what this user has changed, and nobody after him. */
  readonly user?: string | undefined;
  /** Only these fields, and not the text. */
  readonly fields?: readonly string[] | undefined;
}

export type HistoryRequest =
  | {
      readonly kind: 'entries';
      readonly documentId: string;
      readonly before: HistoryPlace | undefined;
      readonly limit: number;
      readonly maxBytes: number;
    }
  | { readonly kind: 'at'; readonly documentId: string; readonly at: number }
  | {
      readonly kind: 'rollback';
      readonly documentId: string;
      readonly rollback: RollbackRequest;
      readonly maxBytes: number;
    }
  | { readonly kind: 'list'; readonly after: string; readonly limit: number }
  | ({ readonly kind: 'prune' } & Prune);

/** Why a request about a document is not answered. */
export type HistoryRefusal = 'DOCUMENT_NOT_FOUND' | 'DOCUMENT_DELETED' | 'HISTORY_NOT_KEPT' | 'HISTORY_TOO_LARGE';

/** An error would lose its type between threads. */
export type HistoryAnswer<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly code: HistoryRefusal; readonly reason?: string };

export interface HistoryPage {
  /** The newest first. */
  readonly entries: readonly HistoryEntry[];
  readonly hasMore: boolean;
  /** Since when all changes are kept, in ms since the epoch; undefined where there is no history yet. */
  readonly keptSince: number | undefined;
}

/** What a rollback would write: the body of a `rollback` write, in JSON. */
export interface RollbackPlan {
  readonly sets: readonly RollbackSet[];
  /** Fields that others have changed since. */
  readonly kept: readonly string[];
  /** What the text is to show; undefined to leave it as it is. */
  readonly text?: string;
  /** What it shows; when that is something else by then, it stays. Undefined where that does not matter. */
  readonly expectedText?: string;
  /** Whether others have written the text since, so that it is left as it is. */
  readonly keepsText?: true;
}

/** What became of a plan. */
export interface RollbackReceipt {
  /** The places, among the sets of the plan, of those that stay: somebody has changed the field meanwhile. */
  readonly stays: readonly number[];
  /** Whether the text was another. */
  readonly isText: boolean;
  /** Whether it stays: somebody has changed it meanwhile. */
  readonly keepsText?: boolean;
}

export interface RollbackSet {
  readonly field: string;
  /** Compact JSON texts; null for a field that is not there. */
  readonly value: string | null;
  /** What it holds; when it is something else by then, it stays. */
  readonly expected: string | null;
}

/** What a reader may ask for. */
export type HistoryRead =
  | Omit<Extract<HistoryRequest, { kind: 'entries' }>, 'documentId'>
  | Omit<Extract<HistoryRequest, { kind: 'at' }>, 'documentId'>;

export interface HistoryResults {
  readonly entries: HistoryPage;
  /** The document in JSON. */
  readonly at: Uint8Array;
}

/** What became of a rollback. */
export interface RolledBack {
  /** Fields that are as they were. */
  readonly changed: readonly string[];
  /** Fields that others have changed since, and that stay. */
  readonly kept: readonly string[];
  readonly text: 'changed' | 'kept' | 'unchanged';
}
