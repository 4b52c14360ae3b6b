/**
 * The WASM instance trapped or aborted, for instance because its memory is full. Its content is in an unknown state:
 * throw the object away, make a new one and load the documents into that.
 */
export class CoreAbort extends Error {
  override readonly name = 'CoreAbort';
}
