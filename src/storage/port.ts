/**
 * The storage port: what a shard needs from a database. The adapters are memory.ts, lmdb/ and postgres/; one contract
 * suite (test/contract/storage.ts) runs against each of them.
 */

import type { Author, History } from './history/port.js';
import type { Lifecycle } from './lifecycle/port.js';

/** One field of a document as it is stored: the last write and its place in the order. */
export interface FieldRow {
  /** Field name, at most 1 024 bytes of UTF-8, without lone surrogates. */
  readonly path: string;
  /** The value as compact JSON text; for a removed field `{"__deleted":true}`. */
  readonly value: string;
  readonly deleted: boolean;
  /** Milliseconds since the epoch; first part of the order. */
  readonly timestamp: number;
  /** The writer's own count, or the stamp of the write; second part of the order. */
  readonly counter: number;
  /** The writer; third part of the order, compared by UTF-8 bytes. */
  readonly clientId: string;
  /** The hybrid logical clock L that this server gave the write. Not part of the order. */
  readonly stamp: number;
  /**
   * Of a row that was loaded: the number of the commit that stored it; 0 for one from before commits were counted.
   * Ignored in what is committed.
   */
  readonly commit?: number | undefined;
  /** Of a row to be committed: who wrote it, if that is known and the document has history. Not stored with the row. */
  readonly userId?: string | undefined;
}

/** One update of a collaborative text: bytes that are joined with those of the others, in any order. */
export interface TextUpdate {
  /**
   * Unique among the document's updates; 32 lower-case hex digits, the first 12 of them the time of writing in ms, so
   * updates sort by age.
   */
  readonly id: string;
  /** At least one byte, at most 128 MiB. */
  readonly bytes: Uint8Array;
}

/**
 * What a commit changes in a text. The text is the join of its updates, which is commutative and idempotent, so several
 * nodes may append and compact at once: a compaction removes only the updates that it names, and contains them.
 */
export interface TextChange {
  /** Updates to add, each id once; one whose id is stored already is left as it is (a repeated commit). */
  readonly append: readonly TextUpdate[];
  /**
   * Ids of updates that the appended ones contain, removed in the same transaction. Unknown ids are ignored, and so are
   * those of appended updates, which stay. Nothing is removed unless something is appended: of two nodes that find the
   * same text in two updates, each could remove the update that the other keeps.
   */
  readonly replaces: readonly string[];
  /** Who wrote what the first of the appended updates adds, where the document has history; none for a compaction. */
  readonly authors?: readonly Author[] | undefined;
}

/** Of a document: how far the order of writes reached in the tombstones that were purged (horizon.ts). */
export interface Horizon {
  /** (timestamp, counter, clientId): the greatest in the order among the tombstones that were purged. */
  readonly timestamp: number;
  readonly counter: number;
  readonly clientId: string;
  /** The largest stamp among them: who has seen less may hold fields that were removed. */
  readonly stamp: number;
}

/** Tombstones to be forgotten. */
export interface Purge {
  /** Each is removed if what is stored of its field is not greater in the order. */
  readonly fields: readonly FieldRow[];
  /** At least that of these fields. */
  readonly horizon: Horizon;
}

/** What one commit changes in one document. */
export interface DocumentChange {
  readonly documentId: string;
  /** The document's last L; the stored one never decreases. */
  readonly stamp: number;
  /** At most one row per path. */
  readonly fields: readonly FieldRow[];
  readonly text?: TextChange | undefined;
  /** Tombstones to be forgotten, after all rows of the commit are written. */
  readonly purge?: Purge | undefined;
  /**
   * Present where the history of the document is kept: rows that others of this commit replaced before they were stored,
   * in any order. They leave an entry, and are not stored.
   */
  readonly replaced?: readonly FieldRow[] | undefined;
}

/** A document as loaded; one that was never written has stamp 0, no commits, no fields and no text. */
export interface StoredDocument {
  readonly stamp: number;
  /** The number of the last commit in it. */
  readonly commits: number;
  /** Tombstones included, in no particular order. */
  readonly fields: readonly FieldRow[];
  /** Sorted by id; empty for a document without text. The caller owns the bytes. */
  readonly text: readonly TextUpdate[];
  /** Present when tombstones were purged. */
  readonly horizon?: Horizon;
  /** Since when it is deleted, in ms since the epoch; what it holds is not loaded then. */
  readonly deletedAt?: number;
  /** When what it held was erased, in ms since the epoch: it takes no text. */
  readonly erasedAt?: number;
}

/**
 * A row that the database can't store, such as a value it can't represent; or the change of a text. If it is known only
 * when it is written, clients may have been sent it: the stored row of its field gets the number of the commit then, or
 * one is stored that is a removal and less than any write, as far as the database allows that.
 */
export interface RefusedRow {
  readonly documentId: string;
  /** Of the field; undefined for the text, whose change is stored or refused as a whole. */
  readonly path: string | undefined;
  readonly reason: string;
}

/** The result of a commit. */
export interface Committed {
  readonly refused: readonly RefusedRow[];
  /**
   * Document id → number of this commit of it: one more than that of the commit before, of any node, in the order in
   * which they became visible. Rows that the commit wrote bear it, and those that its rows lost to. A number that no node
   * knows belongs to a commit that succeeded although it was reported as failed.
   */
  readonly numbers: ReadonlyMap<string, number>;
  /** Document id → its horizon after the commit, for those that have one. Absent when there are none. */
  readonly horizons?: ReadonlyMap<string, Horizon> | undefined;
  /** Rows that were lost to a horizon: their fields are as if they had been removed. Absent when there are none. */
  readonly expired?: readonly ExpiredRow[] | undefined;
  /** What the commit added to histories. Absent when it added nothing. */
  readonly recorded?: Recorded | undefined;
}

/** What was added to histories. */
export interface Recorded {
  readonly entries: number;
  /** Of values and of updates of texts. */
  readonly bytes: number;
}

/** A row of a field that was not stored, at or below the horizon of its document. */
export interface ExpiredRow {
  readonly documentId: string;
  readonly path: string;
}

export interface Storage {
  /** Whether a resolved commit survives the death of the process. */
  readonly durable: boolean;

  /** True from the moment on from which nothing will ever work again in this process: it has to be ended. */
  readonly isLost: boolean;

  /**
   * Loads documents, in the order of their ids. Rejects when any of them can't be read: a failed load is never
   * an empty document.
   */
  load(documentIds: readonly string[]): Promise<StoredDocument[]>;

  /**
   * Writes all changes in one transaction and resolves once they are durable, with the rows that were refused. A row
   * replaces the stored one only if it is greater by (timestamp, counter, clientId, value), so two nodes may write the
   * same field in any sequence. A row of a field that is not stored is lost at or below the horizon that the document had
   * before the commit, so a node that does not know of a purge can't bring back what was removed. Rejects, with nothing written, when the storage as a whole fails; the same changes may
   * then be committed again. The caller may modify `changes` as soon as this returns.
   */
  commit(changes: readonly DocumentChange[]): Promise<Committed>;

  /** The numbers of the last commits of documents, in the order of their ids; 0 for one that was never written. */
  lastCommits(documentIds: readonly string[]): Promise<number[]>;

  /**
   * Why every commit would refuse such a row, as far as it is known without asking the database, or undefined. Such a
   * row must not be shown to clients, as it can't be stored. Absent where the adapter has no limits besides limits.ts.
   */
  reasonAgainst?(row: Pick<FieldRow, 'path' | 'value' | 'clientId'>): string | undefined;

  /**
   * How far this host's wall clock is ahead of the database's, in ms: at least that much, as the answer takes time. Absent
   * where the storage has no clock of its own.
   */
  clockOffset?(): Promise<number>;

  /** Whole documents: lists, deletion, erasure. */
  readonly lifecycle: Lifecycle;

  /** What documents were. */
  readonly history: History;

  close(): Promise<void>;
}
