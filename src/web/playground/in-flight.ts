/** What a page knows of the message that it waits for. */

/** Messages from this length on may be what the server closes connections for, in characters. */
export const LARGE = 65_536;
/** So many connections end with the same large message on its way before that is told. */
export const SUSPICIOUS = 3;

/** A message that is not answered. */
export interface InFlight {
  readonly id: string;
  /** Edits of the text that are stored once it is. */
  readonly edits: number;
  readonly operations: number;
  readonly hasText: boolean;
  readonly isLarge: boolean;
  readonly at: number;
}
