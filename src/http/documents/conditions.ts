/** Entity tags in the headers of requests. */

const tags = /\s*(?:W\/)?"([^"]*)"\s*(?:,|$)/y;

/**
 * The tags of `If-Match` or `If-None-Match`, without quotes; `*` is one. Undefined for a header that is missing; one that
 * can’t be read names none, so that nothing meets it.
 */
export function tagsOf(header: string): readonly string[] | undefined {
  if (header === '') return undefined;
  if (header.trim() === '*') return ['*'];
  const found: string[] = [];
  tags.lastIndex = 0;
  for (let match = tags.exec(header); match !== null; match = tags.exec(header)) found.push(match[1] ?? '');
  return found;
}
