/**
 * The port to the feed of changes: which documents have changed, for systems that follow them. One contract suite
 * (test/contract/changes.ts) runs against every adapter.
 *
 * The feed is compacted: it holds one entry for each document, that of its last commit. A document that changes again moves
 * to the end. So a reader that goes on from its cursor passes over no document, and of one document it meets commits in
 * their order, though not each of them. An entry is written by the transaction of its commit.
 */

/**
 * What became of a document by its last commit. A document that is written while it is deleted stays `deleted`. `changed`
 * may also be a commit that no client sees, such as the compaction of a text.
 */
export type ChangeKind = 'changed' | 'deleted' | 'restored' | 'erased';

export const changeKinds: readonly ChangeKind[] = ['changed', 'deleted', 'restored', 'erased'];

export interface Change {
  readonly documentId: string;
  readonly kind: ChangeKind;
  /** The number of the commit: it grows with each commit of the document. */
  readonly commit: number;
  /** In ms since the epoch, by the clock of the node or of the database. */
  readonly at: number;
}

export interface FeedEntry extends Change {
  /** Where a reader goes on behind it. */
  readonly cursor: string;
}

export interface FeedRequest {
  /** Where the page before ended; undefined for all that is kept. */
  readonly after: string | undefined;
  /** Entries at most; at least 1. */
  readonly limit: number;
}

export interface FeedPage {
  /** In the order of the feed. */
  readonly entries: readonly FeedEntry[];
  /** Where a reader goes on behind the page. */
  readonly cursor: string;
}

export interface PruneRequest {
  /** Entries that are older are removed, in ms since the epoch. */
  readonly before: number;
  /** Entries that may stay; the oldest are removed. */
  readonly maxEntries: number;
  /** When given, entries behind this cursor stay in any case: somebody still needs them. */
  readonly keepAfter?: string | undefined;
}

/** All methods reject when the storage fails. A cursor is a text of A–Z a–z 0–9 - _ that only its adapter can read. */
export interface ChangeFeed {
  /**
   * Undefined when entries behind the cursor may be missing: they were removed, or commits were not recorded for a while. A
   * text that is no cursor counts as such a one.
   */
  read(request: FeedRequest): Promise<FeedPage | undefined>;

  /** The cursor behind which whatever is committed from now on comes. */
  end(): Promise<string>;

  /** The cursor of the last entry that can be read; differs whenever there is something new. */
  newest(): Promise<string>;

  /** Removes some of the entries that need not stay. @returns How many; 0 when there are no more. */
  prune(request: PruneRequest): Promise<number>;

  close(): Promise<void>;
}

/** Where the commits of a transaction are recorded. */
export interface ChangeRecorder {
  append(change: Change): void;
}

/** Entries that one page is made of at most, and that one step of pruning removes. */
export const maxPageEntries = 1_000;
