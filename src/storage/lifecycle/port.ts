/**
 * The part of the storage port about whole documents: to list them, to delete and restore them, and to erase them for
 * good. One contract suite (test/contract/storage-lifecycle.ts) runs against each adapter.
 */

/** A document in a list. Times are in ms since the epoch, by the clocks of the nodes or of the database. */
export interface ListedDocument {
  readonly id: string;
  readonly created: number;
  readonly updated: number;
  /** Since when it is deleted; absent for one that is not. */
  readonly deletedAt?: number;
  /** Set when an erasure of it has begun and not come to its end. */
  readonly isErasing?: true;
}

export interface ListRequest {
  /** What the ids begin with; the empty string for all. */
  readonly prefix: string;
  /** Only ids behind this one; the empty string from the start. */
  readonly after: string;
  /** Documents at most; at least 1. */
  readonly limit: number;
  /** Which ones: those that are there, those that are deleted, or both. */
  readonly state: 'present' | 'deleted' | 'any';
}

/** Documents in the order of the bytes of their ids. */
export interface ListPage {
  readonly documents: readonly ListedDocument[];
  /**
   * What to give as `after` for those behind; undefined when there are none. A page may hold fewer documents than were
   * asked for, or none, and still have more behind it: the work for one page is bounded.
   */
  readonly next: string | undefined;
}

/** What erases a document. */
export interface Erasure {
  readonly documentId: string;
  /** When it was asked for, in ms since the epoch: what was written until then loses. */
  readonly at: number;
  /** An L that nobody has seen yet: who has seen less may hold what is erased. */
  readonly stamp: number;
  /** When set, only a document is erased that was deleted before this time, in ms since the epoch. */
  readonly deletedBefore?: number | undefined;
}

/**
 * A deleted document is loaded as an empty one with `deletedAt`. What it held is kept, and so is what a node commits
 * that has not heard of it.
 *
 * An erased one leaves a marker: a horizon (../horizon.ts) that covers all that was written before, and `erasedAt`. Fields are
 * taken from beyond the horizon; texts are refused for good, because an old state of a text would bring all of it back.
 *
 * All methods resolve once the change is durable, with the number of the commit that it is, and may be repeated; they
 * reject when the storage fails. Undefined means that there is no such document, and nothing was done.
 */
export interface Lifecycle {
  list(request: ListRequest): Promise<ListPage>;

  /** @param at In ms since the epoch. One that is deleted already keeps its time. */
  delete(documentId: string, at: number): Promise<number | undefined>;

  /** Takes a deletion back. Undefined also when the document is being erased. One that is not deleted stays as it is. */
  restore(documentId: string): Promise<number | undefined>;

  /** Removes all that is stored of a document but its marker. One that stops in the middle goes on when it is repeated. */
  erase(erasure: Erasure): Promise<number | undefined>;
}

/** Documents that one page is made of at most, whatever is asked for. */
export const maxListLimit = 1_000;
