/** What the acceptor asks a shard on behalf of HTTP clients, and the heads of the answers. */

/** What a request demands of the state that it finds. Entity tags come without their quotes; `*` is any state at all. */
export interface Conditions {
  readonly ifMatch?: readonly string[] | undefined;
  readonly ifNoneMatch?: readonly string[] | undefined;
}

/** The head of a write: JSON in one line, in front of the body that the client sent. */
export interface DocumentWrite extends Conditions {
  /**
   * What the body is: a merge patch of the fields, the body of a `delta_batch`, what the text is to show, a snapshot, or a
   * `RollbackPlan`.
   */
  readonly form: 'patch' | 'deltas' | 'text' | 'textJson' | 'restore' | 'rollback';
  /** For `restore`: as in `DocumentReadHead`, from before the snapshot was read. */
  readonly erasedAt?: number | undefined;
}

/** Payload of a read. */
export interface DocumentRead extends Conditions {
  readonly requestId: string;
  /** `snapshot` is what can be restored: the fields, and what the text shows; `erasure` only when it was erased last. */
  readonly part: 'document' | 'text' | 'snapshot' | 'erasure';
  /** Names of the fields that are wanted; all when it is missing. */
  readonly fields?: readonly string[] | undefined;
}

/** The head of the answer to a read: JSON in one line, in front of the body. */
export interface DocumentReadHead {
  /** Without its quotes. */
  readonly tag: string;
  /** About when it was last changed, in ms since the epoch. */
  readonly updated: number;
  /** Whether the client has this state already, and the body is empty. */
  readonly isKnown: boolean;
  /** The vector clock, where a snapshot was asked for. */
  readonly clock?: Readonly<Record<string, number>>;
  /** When the document was erased, in ms since the epoch, where a snapshot or that was asked for. */
  readonly erasedAt?: number | undefined;
}

const NEWLINE = 0x0a;

/** Puts a head in front of a body. */
export function withHead(head: object, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** The inverse of `withHead`; the body is a view. @param bytes Written by this process, not by a client. */
export function splitHead(bytes: Buffer): { readonly head: unknown; readonly body: Buffer } {
  const end = bytes.indexOf(NEWLINE);
  return { head: JSON.parse(bytes.toString('utf8', 0, end)) as unknown, body: bytes.subarray(end + 1) };
}

/** What an HTTP client asks that wants to follow a document. */
export interface FollowRequest {
  readonly documentId: string;
  readonly requestId: string;
  /** Of the client's former stream, or the empty string. */
  readonly lastEventId: string;
}
