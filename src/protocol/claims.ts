/** Entries of clocks that stand for no writer: what whoever has them was sent. */

/** The number of a commit of the document: everything in this one and those before it was sent. */
export const COMMITS_ENTRY = '#';

/** The stamp of the last write that was sent before it was durable; 0 if all is durable that came without an answer. */
export const SHOWN_ENTRY = '#+';

/** Whether an entry of a clock stands for no writer. No client may have such an id. */
export function isClaim(entry: string): boolean {
  return entry === COMMITS_ENTRY || entry === SHOWN_ENTRY;
}

/** What a clock claims besides the stamps of writers. */
export interface Claims {
  /** Of `COMMITS_ENTRY`; undefined where the receiver may lack something. */
  readonly commits?: number | undefined;
  /** Of `SHOWN_ENTRY`; undefined where all that is sent is durable. */
  readonly shown?: number | undefined;
}

/** The entries as they follow others in a clock. */
export function claimsJson({ commits, shown }: Claims): string {
  let entries = commits === undefined ? '' : `,"${COMMITS_ENTRY}":${commits}`;
  if (shown !== undefined) entries += `,"${SHOWN_ENTRY}":${shown}`;
  return entries;
}
