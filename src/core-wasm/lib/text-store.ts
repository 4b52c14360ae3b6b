import type { TextEdit, VisibleText } from './text-edit.js';

/** Documents of collaborative text (Fugue): what the WASM core and the reference implementation both do. */

/** What joining an incoming state did. */
export interface TextMergeResult {
  /** Whether the document gained anything: clusters, a deletion, a run boundary or a greater clock. */
  readonly changed: boolean;
  /** Whether the document's blocks are now exactly those of the incoming state; `client_id` and `clock` aside. */
  readonly same: boolean;
  /**
   * Whether the incoming text is written as clients write it (compact, keys and blocks in order, valid for their
   * readers), so that it may be sent on as it is where `same` holds.
   */
  readonly canonical: boolean;
}

/** What applying changes did. */
export interface TextApplyResult {
  readonly changed: boolean;
  /** Whether a deletion or boundary refers to clusters that the document lacks: earlier changes are missing. */
  readonly incomplete: boolean;
}

/** Why a state was refused. */
export type TextFault =
  /** Not a text state. */
  | 'invalid'
  /** The joined state would have more bytes than a document may have. */
  | 'tooLarge';

/** An incoming state or change is refused; the document is unchanged. */
export class TextRefused extends Error {
  override readonly name = 'TextRefused';

  constructor(
    readonly fault: TextFault,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Texts by handle. Each method throws a `RangeError` for a handle that isn't open; the WASM core throws `CoreAbort` from
 * any method when its instance has failed.
 *
 * The join is the least upper bound of states: commutative, associative, idempotent. A cluster is an extended grapheme
 * cluster of Unicode 16.0.
 */
export interface TextStore {
  /** Makes an empty text. Returns its handle: a positive integer, never given out again by this store. */
  open(): number;

  /** Closes the text and frees its memory. */
  close(handle: number): void;

  /**
   * Joins a state into the text.
   *
   * @param state JSON in UTF-8; if `escaped`, the content of a JSON string (without its quotes) that holds it.
   * @throws TextRefused with the text unchanged.
   */
  merge(handle: number, state: Uint8Array, escaped: boolean): TextMergeResult;

  /**
   * The state as clients write it, in UTF-8, in a buffer of its own that may be transferred.
   *
   * @param escaped Whether to return it as the content of a JSON string.
   */
  state(handle: number, escaped: boolean): Uint8Array<ArrayBuffer>;

  /** Grows with each merge or apply that changed the text; 0 for an empty one. */
  version(handle: number): number;

  /** The state's `clock.value`. */
  clock(handle: number): number;

  /**
   * What changed after that version, in a compact binary form; since 0 it is the whole state. Older blocks
   * that were cut or deleted since are only referred to, not repeated: a keystroke in a large text is a few dozen bytes.
   */
  changesSince(handle: number, version: number): Uint8Array<ArrayBuffer>;

  /**
   * Joins changes of any number of texts, in any order: deletions and boundaries are applied after the clusters of all
   * changes.
   *
   * @throws TextRefused with the text unchanged, when one is not what `changesSince` writes.
   */
  apply(handle: number, changes: readonly Uint8Array[]): TextApplyResult;

  /** What users see, in document order. */
  text(handle: number): string;

  /** The same, with the blocks that it is made of. */
  visible(handle: number): VisibleText;

  /** Where each cluster of a text ends, in UTF-16 units. @param text Without lone surrogates. */
  clusterEnds(text: string): Uint32Array;

  /**
   * Joins what an author has inserted, cut and deleted.
   *
   * @throws TextRefused with the text unchanged, when it is out of range.
   */
  edit(handle: number, edit: TextEdit): TextApplyResult;

  /** Number of visible clusters. */
  length(handle: number): number;

  /** Blocks, deleted ones included. */
  blockCount(handle: number): number;

  /** Bytes that `state(handle, false)` has. */
  stateSize(handle: number): number;

  /** About how many bytes of memory the text takes. */
  byteSize(handle: number): number;

  /** Bytes of memory that the store has allocated (reference implementation: an estimate for its texts). */
  readonly memoryBytes: number;
}
