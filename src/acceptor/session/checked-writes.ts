/** Writes that the operator's application is asked about before they are merged, and what has to stay behind them. */
import { LimitError, ProtocolError } from '../../errors.js';
import type { FrameHead } from '../../protocol/frame.js';
import type { HeldBytes } from './held-frames.js';
import type { Session } from './session.js';
import type { Verdict, Waiting } from './session-checks.js';

export type { Verdict } from './session-checks.js';

/** What the application is asked. */
export interface WriteQuestion {
  readonly documentId: string;
  readonly userId: string;
  readonly address: string;
  /** What `payload` is: the message `delta` or `delta_batch`, or a merge patch of the fields. */
  readonly kind: 'delta' | 'delta_batch' | 'patch';
  readonly form: FrameHead['form'];
  /** Valid during the call only. */
  readonly payload: Uint8Array;
}

/** Who knows what may be written. */
export interface WriteCheck {
  /** Whether writes of the document have to be asked about. */
  isFor(documentId: string): boolean;
  /** Never rejects. */
  check(question: WriteQuestion): Promise<Verdict>;
}

/** @throws ProtocolError Unless it is allowed. */
export function requireAllowed(verdict: Verdict): void {
  switch (verdict.kind) {
    case 'allowed':
      return;
    case 'forbidden':
      throw new ProtocolError('VALIDATION_FAILED', verdict.reason);
    case 'unknown':
      throw new ProtocolError('VALIDATION_UNAVAILABLE');
    case 'busy':
      throw new LimitError('held', 'too many writes wait for the check of the application');
  }
}

/** Messages of one session, and their bytes; one larger message waits when it is alone. */
const MAX_FRAMES = 1_000;
const MAX_BYTES = 1024 * 1024;
/** What a waiting message takes besides its content. */
const FRAME_COST = 256;

export interface CheckedWritesOptions {
  readonly check: WriteCheck;
  /** Of all sessions. */
  readonly heldBytes: HeldBytes;
  /** Handles a message whose turn it is; nothing is to be waited for any more. */
  readonly handle: (session: Session, bytes: Buffer, text: boolean, verdict: Verdict) => void;
}

/**
 * Each document of a session has a queue of its own: an answer that is slow holds up nothing but what follows it in the
 * same document. All writes in a queue are asked about at once, and handled in their order.
 */
export class CheckedWrites {
  readonly #options: CheckedWritesOptions;

  constructor(options: CheckedWritesOptions) {
    this.#options = options;
  }

  /** Whether what comes next about a document has to wait behind what came before. */
  waits(session: Session, documentId: string): boolean {
    return session.checks?.documents.has(documentId) === true;
  }

  isFor(documentId: string): boolean {
    return this.#options.check.isFor(documentId);
  }

  /** Asks about a write. @param bytes The whole message; copied. @throws LimitError */
  ask(session: Session, documentId: string, bytes: Buffer, text: boolean, head: FrameHead): void {
    const waiting = this.#enqueue(session, documentId, bytes, text, undefined);
    const { userId = '', address } = session;
    const kind = head.type === 'delta_batch' ? 'delta_batch' : 'delta';
    const payload = bytes.subarray(head.start, head.end);
    void this.#options.check.check({ documentId, userId, address, kind, form: head.form, payload }).then((verdict) => {
      waiting.verdict = verdict;
      this.#pump(session, documentId);
    });
  }

  /** Lets a message wait that is no write. @throws LimitError */
  follow(session: Session, documentId: string, bytes: Buffer, text: boolean): void {
    this.#enqueue(session, documentId, bytes, text, { kind: 'allowed' });
  }

  #enqueue(session: Session, documentId: string, bytes: Buffer, text: boolean, verdict: Waiting['verdict']): Waiting {
    const checks = (session.checks ??= { documents: new Map<string, Waiting[]>(), frames: 0, bytes: 0 });
    const isTooMuch = checks.frames > 0 && checks.bytes + bytes.length > MAX_BYTES;
    if (checks.frames >= MAX_FRAMES || isTooMuch || !this.#options.heldBytes.take(bytes.length + FRAME_COST)) {
      if (checks.frames === 0) session.checks = undefined;
      throw new LimitError('held', 'too many messages wait for the check of the application');
    }
    const userId = verdict === undefined ? session.userId : undefined;
    const waiting: Waiting = { bytes: Buffer.from(bytes), text, userId, verdict };
    const queue = checks.documents.get(documentId);
    if (queue === undefined) checks.documents.set(documentId, [waiting]);
    else queue.push(waiting);
    checks.frames++;
    checks.bytes += bytes.length;
    return waiting;
  }

  #pump(session: Session, documentId: string): void {
    const { checks } = session;
    const queue = checks?.documents.get(documentId);
    if (checks === undefined || queue === undefined) return;
    for (let [first] = queue; first?.verdict !== undefined; [first] = queue) {
      // Who has become somebody else meanwhile has to be asked about. What came later must stay behind.
      const pending = accessPending(session, documentId);
      if (pending !== undefined) {
        void pending.then(() => {
          this.#pump(session, documentId);
        });
        return;
      }
      queue.shift();
      checks.frames--;
      checks.bytes -= first.bytes.length;
      this.#options.heldBytes.give(first.bytes.length + FRAME_COST);
      if (queue.length === 0) checks.documents.delete(documentId);
      if (checks.documents.size === 0) session.checks = undefined;
      // The answer was about somebody else. When the client sends it again, it is asked about anew.
      const isOfOther = first.userId !== undefined && first.userId !== session.userId;
      const verdict: Verdict = isOfOther ? { kind: 'unknown' } : first.verdict;
      if (session.isOpen) this.#options.handle(session, first.bytes, first.text, verdict);
    }
  }
}

/** Resolves when it is known what the session may do with a document; undefined when that is no question. */
function accessPending({ state }: Session, documentId: string): Promise<void> | undefined {
  return state.kind === 'authenticated' ? state.access.prepare?.(documentId) : undefined;
}
