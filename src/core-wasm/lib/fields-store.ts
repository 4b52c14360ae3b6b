/** Documents of last-writer-wins fields: what the WASM core and the reference implementation both do. */

/** One write to one field. Strings must not hold lone surrogates. */
export interface FieldWrite {
  /** Name of the field; opaque, may be empty. */
  path: string;
  /** The value as compact JSON text, opaque here; for a removal `{"__deleted":true}`. */
  value: string;
  /** Whether this is a removal. Removals stay as tombstones; otherwise an older write would restore the field. */
  deleted: boolean;
  /** Milliseconds since the epoch, finite; first part of the order. */
  timestamp: number;
  /** The writer's own count, finite; second part of the order. */
  counter: number;
  /** The writer; third part of the order, by UTF-8 bytes. The bytes of `value` are the last part. */
  clientId: string;
  /** The hybrid logical clock that the server gave the write, finite, at least 0. Not part of the order. */
  stamp: number;
  /** Given to `set` and `replace` only: the number of the commit that has stored the write. Absent while that is not known. */
  commit?: number | undefined;
}

/** A client that wrote what a document now holds. */
export interface WriterStamp {
  clientId: string;
  /** The largest stamp among the fields whose last write is this client's. */
  stamp: number;
}

/**
 * Documents by handle. Each method throws a `RangeError` for a handle that isn't open; the WASM core throws `CoreAbort`
 * from any method when its instance has failed.
 */
export interface FieldsStore {
  /** Makes an empty document. Returns its handle: a positive integer, never given out again by this store. */
  open(): number;

  /** Closes the document and frees its memory. */
  close(handle: number): void;

  /**
   * Applies a write: it wins if the field is new or if it is strictly greater than the stored one by
   * (timestamp, counter, clientId, value). Returns whether it won. Throws a `RangeError`, with nothing changed,
   * if a number isn't finite or the strings are too large (WASM: 512 MiB in all).
   */
  set(handle: number, write: FieldWrite): boolean;

  /**
   * Makes a write the field's, whatever the field holds: takes back what must not have been applied. Throws as `set` does.
   */
  replace(handle: number, write: FieldWrite): void;

  /** The last write of the field, tombstones included, or undefined if there never was one. */
  get(handle: number, path: string): FieldWrite | undefined;

  /** The stamp of the last write of the field, tombstones included, or undefined if there never was one. */
  stampOf(handle: number, path: string): number | undefined;

  /**
   * The live fields as one JSON object in UTF-8: `{"path":value,…}`, keys escaped as `JSON.stringify` does it, in the
   * order in which the fields were first written. The bytes are a copy in a buffer of their own and may be transferred.
   * Throws a `RangeError` if there are too many (WASM: 1 GiB).
   */
  state(handle: number): Uint8Array<ArrayBuffer>;

  /** Grows with each change of what `state` returns; a document that is opened has a number that none had before. */
  version(handle: number): number;

  /** Each writer that holds the last write of some field, tombstones included; in no particular order. */
  writers(handle: number): WriterStamp[];

  /**
   * The fields, tombstones included, whose stamp is above the vector's entry for their writer (0 where it has none), in
   * the order in which the fields were first written.
   */
  changesSince(handle: number, vector: ReadonlyMap<string, number>): FieldWrite[];

  /**
   * Takes the field out of the document, whatever it holds, so that any write to it wins. Returns whether there was one.
   * Its place in the order of first writes is lost with it.
   */
  erase(handle: number, path: string): boolean;

  /** The stamps of all tombstones, in the order in which the fields were first written. */
  tombstoneStamps(handle: number): number[];

  /** The tombstones whose stamp is at most this one, in the order in which the fields were first written. */
  tombstonesUpTo(handle: number, stamp: number): FieldWrite[];

  /**
   * A commit has stored the write with this stamp of a field. Where another write is in its place, or was before, the
   * commit counts for that one: clients may have been sent the one that lost.
   */
  committed(handle: number, path: string, stamp: number, commit: number): void;

  /** The number of the last commit that stored the last write of a field, or one that lost to it; Infinity while none has stored it. */
  commitOf(handle: number, path: string): number;

  /**
   * The fields, tombstones included, of which no commit up to this number is known to have stored the last write, in the
   * order in which the fields were first written.
   */
  changesAfter(handle: number, commit: number): FieldWrite[];

  /** A field whose last write has this stamp, tombstones included, or undefined. Looks at every field. */
  findStamp(handle: number, stamp: number): FieldWrite | undefined;

  /** How many fields the document has, tombstones included. */
  fieldCount(handle: number): number;

  /** How many fields the document has without tombstones. */
  liveCount(handle: number): number;

  /** About how many bytes of memory the document takes. */
  byteSize(handle: number): number;

  /** About how many of these bytes tombstones take. */
  tombstoneBytes(handle: number): number;

  /** About how many of these bytes are due neither to tombstones nor to fields that were erased. */
  liveBytes(handle: number): number;

  /** Bytes of memory that the store has allocated (reference implementation: an estimate for its documents). */
  readonly memoryBytes: number;
}

/** The error for a handle that was never given out, or whose document is closed. */
export function notOpen(handle: number): RangeError {
  return new RangeError(`no document is open under handle ${handle}`);
}

/** The error for a write that has no place in the order. */
export function notFinite(): RangeError {
  return new RangeError('timestamp, counter and stamp must be finite numbers');
}
