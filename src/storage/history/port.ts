/**
 * The part of the storage port about what documents were: an entry for each change of a field or of the text, written in
 * the transaction of the change itself. Only commits that ask for it (`DocumentChange.history`) leave any. One contract
 * suite (test/contract/storage-history.ts) runs against each adapter.
 */

/** Who wrote something. */
export interface Author {
  /** Undefined for somebody who did not sign in. */
  readonly userId?: string | undefined;
  /** What the client calls itself; of a text it may be missing. */
  readonly clientId?: string | undefined;
}

/** Where an entry stands among those of its document: by commit, then within it. */
export interface HistoryPlace {
  /** The number of the commit. */
  readonly commit: number;
  /** From 0. */
  readonly index: number;
}

/** A field became another value. What lost to a greater write, or says what the field says already, is no change. */
export interface FieldEntry extends HistoryPlace {
  readonly kind: 'field';
  /** Ms since the epoch, by the clock of the storage; never less than that of the entry before. */
  readonly at: number;
  readonly path: string;
  /** The values as compact JSON texts; null for a field that is not there. */
  readonly before: string | null;
  readonly after: string | null;
  readonly author: Author;
}

/** The text changed. */
export interface TextEntry extends HistoryPlace {
  readonly kind: 'text';
  readonly at: number;
  /** All who wrote what the commit adds. */
  readonly authors: readonly Author[];
  /** Of the update that it adds. */
  readonly bytes: number;
}

export type HistoryEntry = FieldEntry | TextEntry;

/** What is known of a document besides its entries. */
export interface HistoryHead {
  /** Whether there is such a document, or was until it was deleted. */
  readonly state: 'missing' | 'present' | 'deleted';
  /** Since when all changes are kept, in ms since the epoch: 0 for a document of which nothing is missing; undefined if there is none. */
  readonly keptSince: number | undefined;
}

export interface EntriesRequest {
  /** Only entries before this one; undefined for the newest. */
  readonly before?: HistoryPlace | undefined;
  /** Entries at most; at least 1. */
  readonly limit: number;
  /** Bytes of values at most, but one entry in any case. */
  readonly maxBytes: number;
}

export interface EntriesPage extends HistoryHead {
  /** The newest first. */
  readonly entries: readonly HistoryEntry[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
}

/** A document as it was. */
export interface PastDocument extends HistoryHead {
  /** Field → compact JSON text. */
  readonly fields: ReadonlyMap<string, string>;
  /** What the text is joined of; empty when there was none. */
  readonly text: readonly Uint8Array[];
}

/** A document with history, for those who keep it in bounds. */
export interface HistoryDocument {
  readonly id: string;
  readonly entries: number;
  /** Of its oldest entry, in ms since the epoch. */
  readonly oldestAt: number;
}

export interface Prune {
  readonly documentId: string;
  /** Entries before this time are dropped, in ms since the epoch. */
  readonly before: number;
  /** The newest entries that stay at most. */
  readonly keep: number;
}

/** What was dropped. */
export interface Pruned {
  readonly entries: number;
  /** Whether there is more to drop: the work of one call is bounded. */
  readonly hasMore: boolean;
}

/** All reject when the storage fails. */
export interface History {
  entries(documentId: string, request: EntriesRequest): Promise<EntriesPage>;

  /**
   * The document as it was at the end of a millisecond, from one snapshot. For a time before `keptSince` what it returns
   * means nothing.
   *
   * @param at In ms since the epoch.
   */
  at(documentId: string, at: number): Promise<PastDocument>;

  /** Documents with history, in the order of the bytes of their ids. @param after Only ids behind this one. */
  list(after: string, limit: number): Promise<readonly HistoryDocument[]>;

  /**
   * Drops old entries. Several nodes may do it at once. Of a text, the updates since the last version before the oldest
   * entry that stays are kept too.
   */
  prune(prune: Prune): Promise<Pruned>;
}

/** Entries that one call of `prune` drops at most. */
export const maxPruned = 1_000;

/**
 * When the text as it was before a change is kept as a whole: at the first change, and when so many updates, or bytes of
 * them, came since then. The bytes are at least those of the last whole, so that writing stays proportional to typing.
 */
export const maxTextUpdates = 1_000;
export const minTextBytes = 64 * 1024;
