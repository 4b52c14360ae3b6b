const pattern = /^[A-Za-z0-9_:-]{1,256}$/;

/** Whether a string may name a document: 1–256 characters of `[A-Za-z0-9_:-]`, so always ASCII. */
export function isDocumentId(id: unknown): id is string {
  return typeof id === 'string' && pattern.test(id);
}
