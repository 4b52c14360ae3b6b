import type { ExpiredRow } from '../../storage/port.js';

const nothing: readonly string[] = [];

/** Which fields of a document are among expired rows. There are hardly ever any, and a commit asks for each document. */
export function expiredPaths(expired: readonly ExpiredRow[], documentId: string): readonly string[] {
  if (expired.length === 0) return nothing;
  return expired.filter((row) => row.documentId === documentId).map(({ path }) => path);
}
