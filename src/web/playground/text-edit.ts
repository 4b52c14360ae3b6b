/** What a user did to a text that a textarea shows: found by comparing it with what it showed before. */

export interface TextEdit {
  /** Clusters before the edit. */
  readonly place: number;
  /** Clusters that are gone. */
  readonly removed: number;
  readonly inserted: string;
}

/** How a textarea shows a cluster: it knows one kind of line end. */
export function shown(cluster: string): string {
  return cluster === '\r\n' || cluster === '\r' ? '\n' : cluster;
}

/**
 * @param clusters As they were shown.
 * @param text The text now.
 * @param caret Where the caret is now, in UTF-16 units: what follows it was there before.
 * @returns Undefined when nothing was changed.
 */
export function editOf(clusters: readonly string[], text: string, caret: number): TextEdit | undefined {
  const before = clusters.join('');
  if (before === text) return undefined;
  const tail = text.slice(caret);
  const after = before.endsWith(tail) ? tail.length : 0;
  const start = commonStart(before, text, Math.min(before.length, text.length) - after);
  // A correction far from the caret leaves more as it was.
  const kept = after + commonEnd(before.slice(start, before.length - after), text.slice(start, text.length - after));
  const end = before.length - kept;
  // Neither side of the edit may lie inside of a cluster.
  const offsets = offsetsOf(clusters);
  const place = lastAtMost(offsets, start);
  const next = firstAtLeast(offsets, end);
  const inserted =
    before.slice(offsets[place], start) + text.slice(start, text.length - kept) + before.slice(end, offsets[next]);
  return { place, removed: next - place, inserted };
}

/** Where clusters begin, in UTF-16 units; the last one is the end. */
export function offsetsOf(clusters: readonly string[]): number[] {
  const offsets = [0];
  let offset = 0;
  for (const cluster of clusters) offsets.push((offset += cluster.length));
  return offsets;
}

/** The place of the last offset that is not above this one. */
export function lastAtMost(offsets: readonly number[], offset: number): number {
  let place = 0;
  while (place + 1 < offsets.length && (offsets[place + 1] ?? Infinity) <= offset) place++;
  return place;
}

function firstAtLeast(offsets: readonly number[], offset: number): number {
  const place = offsets.findIndex((candidate) => candidate >= offset);
  return place === -1 ? offsets.length - 1 : place;
}

function commonStart(a: string, b: string, most: number): number {
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

function commonEnd(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}
