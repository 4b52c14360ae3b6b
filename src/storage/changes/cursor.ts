/** Cursors of the feed of changes: the name of the feed, and a place in it. */

/** Two numbers that compare one after the other; a feed that needs one number has 0 as the second. */
export type Place = readonly [first: number, second: number];

export interface Cursor {
  /** Names the feed. It is another one when commits may not have been recorded. */
  readonly feed: string;
  readonly place: Place;
}

export function encodeCursor({ feed, place: [first, second] }: Cursor): string {
  return Buffer.from(`${feed}.${first}.${second}`).toString('base64url');
}

/** Undefined for a text that is no cursor. */
export function decodeCursor(text: string): Cursor | undefined {
  const found = /^([\w-]+)\.(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (found === null) return undefined;
  const [, feed = '', first, second] = found;
  const place = [Number(first), Number(second)] as const;
  return place.every(Number.isSafeInteger) ? { feed, place } : undefined;
}

export function comparePlaces(a: Place, b: Place): number {
  return a[0] - b[0] || a[1] - b[1];
}
