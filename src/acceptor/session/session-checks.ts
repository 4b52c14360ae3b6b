/** What of a session waits for the operator's application. */

/** What the application says about a write. */
export type Verdict =
  | { readonly kind: 'allowed' }
  /** The reason is for the client. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  /** There is no answer. */
  | { readonly kind: 'unknown' }
  /** As many are being asked about as may be. */
  | { readonly kind: 'busy' };

/** A message that waits. */
export interface Waiting {
  readonly bytes: Buffer;
  readonly text: boolean;
  /** Whose write the application was asked about; undefined where it was not asked. */
  readonly userId: string | undefined;
  /** Undefined until it is known. */
  verdict: Verdict | undefined;
}

/** What one session has waiting: messages by document, in the order in which they came. */
export interface SessionChecks {
  readonly documents: Map<string, Waiting[]>;
  frames: number;
  bytes: number;
}
