/** Which updates make up a text as it was. */

import type { HistoryPlace } from './port.js';

/** Of an update or of a whole: when its commit was made. */
export interface TextTime extends HistoryPlace {
  readonly at: number;
}

/** What a text as of some time is joined of. */
export type TextSource =
  /** What is stored of it now. */
  | { readonly kind: 'current' }
  /** The whole from before this commit, if there is one, and the updates from that commit on up to that time. */
  | { readonly kind: 'past'; readonly whole: number | undefined };

/**
 * @param updates Of the text, by place; all of them since the first whole, or since it began.
 * @param wholes The commits before which it was kept as a whole, ascending.
 */
export function textAt(updates: readonly TextTime[], wholes: readonly TextTime[], at: number): TextSource {
  const [first] = updates;
  // It has not changed since all changes are kept.
  if (first === undefined) return { kind: 'current' };
  const before = wholes.findLast((whole) => whole.at <= at);
  if (before !== undefined) return { kind: 'past', whole: before.commit };
  const [oldest] = wholes;
  const isFirst = first.at > at && oldest !== undefined && oldest.commit <= first.commit;
  return { kind: 'past', whole: isFirst ? oldest.commit : undefined };
}

/**
 * What of a text is not needed any more once entries up to a commit are dropped.
 *
 * @param updates The commits of its updates, ascending.
 * @returns Updates and wholes of commits before this one are dropped; Infinity for all. 0 for none.
 */
export function textNeededFrom(updates: readonly number[], wholes: readonly number[], upTo: number): number {
  const first = updates.find((commit) => commit > upTo);
  if (first === undefined) return Infinity;
  return wholes.findLast((commit) => commit <= first) ?? 0;
}
