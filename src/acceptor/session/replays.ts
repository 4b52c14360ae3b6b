import type { Session, Subscription } from './session.js';

export interface ReplaysOptions {
  /** Time that a client has to show which state it reads, in ms; 0: no replay waits. */
  readonly delayMs: number;
  /** Starts the replay of a document for a session that is open and subscribed. */
  readonly start: (session: Session, documentId: string) => void;
}

interface Replay {
  readonly session: Session;
  readonly documentId: string;
  /** That of its question: a later one, after the document was deleted, gets no replay. */
  readonly subscription: Subscription | undefined;
  /** When it is due, in ms of the monotonic clock. */
  readonly due: number;
}

/**
 * Replays of documents that wait. SDK 0.1.x ignores the state in a `sync_response` and takes one field per `delta`. To
 * later SDKs each such `delta` costs time in proportion to the document, and both subscribe with the same bytes. So a
 * client has some time to show which kind it is before it is sent the fields once more. One queue and one timer for all
 * sessions, O(1) for each subscription.
 */
export class Replays {
  readonly #options: ReplaysOptions;
  /** In the order in which they are due. */
  readonly #waiting: Replay[] = [];
  /** Place of the first one that waits in `#waiting`. */
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  /** Replays that wait. */
  get size(): number {
    return this.#waiting.length - this.#first;
  }

  /**
   * Decides on the replay of a document that a session asks for as a whole.
   *
   * @returns When the fields are to be sent: with the answer, later by `start` unless the client shows that it reads the
   * state, or never.
   */
  decide(session: Session, documentId: string, isSubscribed: boolean): 'now' | 'later' | 'never' {
    // SDK 0.1.x asks once for each document.
    if (isSubscribed && !session.readsFields) session.readsState = true;
    if (!needsReplay(session)) return 'never';
    const { delayMs } = this.#options;
    if (delayMs === 0 || session.readsFields) return 'now';
    const subscription = session.subscriptions.get(documentId);
    this.#waiting.push({ session, documentId, subscription, due: performance.now() + delayMs });
    this.#timer ??= setTimeout(this.#startDue, delayMs);
    return 'later';
  }

  /** Forgets what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#first = 0;
  }

  readonly #startDue = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (;;) {
      const replay = this.#waiting[this.#first];
      if (replay === undefined) break;
      if (replay.due > now) {
        this.#timer = setTimeout(this.#startDue, Math.ceil(replay.due - now));
        break;
      }
      this.#first++;
      const { session, documentId, subscription } = replay;
      const isSubscribed = subscription !== undefined && session.subscriptions.get(documentId) === subscription;
      if (needsReplay(session) && isSubscribed) this.#options.start(session, documentId);
    }
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
  };
}

/** Whether a client may be one that ignores the state of a `sync_response`. */
function needsReplay({ isOpen, encoding, supportsBatch, readsState }: Session): boolean {
  return isOpen && encoding === 'binary' && !supportsBatch && !readsState;
}
