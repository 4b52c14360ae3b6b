/**
 * The storage port: what a shard needs from a database. One contract suite (test/contract/storage.ts) runs against
 * every adapter; the adapters lie beside this file and are named after what they store in.
 */

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
}

/** What one commit changes in one document. */
export interface DocumentChange {
  readonly documentId: string;
  /** The document's last L; the stored one never goes back. */
  readonly stamp: number;
  /** At most one row per path. */
  readonly fields: readonly FieldRow[];
}

/** A document as loaded; one that was never written has stamp 0 and no fields. */
export interface StoredDocument {
  readonly stamp: number;
  /** Tombstones included, in no particular order. */
  readonly fields: readonly FieldRow[];
}

/** A row that the database will never take, such as a value it can't represent. */
export interface RefusedRow {
  readonly documentId: string;
  readonly path: string;
  readonly reason: string;
}

export interface Storage {
  /** Whether what `commit` resolved for survives the death of the process. */
  readonly durable: boolean;

  /**
   * Loads documents, in the order of their ids. Rejects when any can't be read: a failed load is never an empty
   * document.
   */
  load(documentIds: readonly string[]): Promise<StoredDocument[]>;

  /**
   * Writes all changes in one transaction and resolves once they are durable, with the rows that were refused. A row
   * replaces the stored one only if it is greater by (timestamp, counter, clientId, value), so two nodes may write the
   * same field in any sequence. Rejects, with nothing written, when the storage as a whole fails; the same changes may
   * then be given again.
   */
  commit(changes: readonly DocumentChange[]): Promise<RefusedRow[]>;

  close(): Promise<void>;
}
