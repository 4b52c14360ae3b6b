/** What was asked to be imported can't be written where it should go; waiting does not help. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
