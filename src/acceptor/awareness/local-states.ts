import type { LocalState } from './document-awareness.js';
import type { Session } from '../session/session.js';

/** Approximate bytes of memory of a state besides its text. */
const STATE_BYTES = 400;

export interface LocalStatesOptions {
  /** States of one session. */
  readonly maxDocuments: number;
  /** Approximate memory of all states, in bytes. */
  readonly maxBytes: number;
  /** The same for those of one session. */
  readonly maxSessionBytes: number;
}

interface SessionStates {
  readonly states: Set<LocalState>;
  bytes: number;
}

/** The states of this node's sessions in all documents: by session, by last renewal, and how much memory they take. */
export class LocalStates {
  readonly #options: LocalStatesOptions;
  /** In the order of their last renewal, the oldest first. */
  readonly #bySeen = new Set<LocalState>();
  readonly #bySession = new Map<Session, SessionStates>();
  #bytes = 0;

  constructor(options: LocalStatesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#bySeen.size;
  }

  /** Sessions that have a state. */
  sessions(): Session[] {
    return [...this.#bySession.keys()];
  }

  /** The states of a session; deleting while iterating is allowed. */
  ofSession(session: Session): Iterable<LocalState> {
    return this.#bySession.get(session)?.states ?? [];
  }

  /** All states in the order of their last renewal, the oldest first. */
  bySeen(): Iterable<LocalState> {
    return this.#bySeen;
  }

  /** Whether there is room for one more state of a session. */
  fits(session: Session, state: string): boolean {
    const count = this.#bySession.get(session)?.states.size ?? 0;
    return count < this.#options.maxDocuments && this.#hasRoom(session, sizeOf(state));
  }

  add(local: LocalState): void {
    const ofSession = this.#bySession.get(local.session) ?? { states: new Set(), bytes: 0 };
    this.#bySession.set(local.session, ofSession);
    ofSession.states.add(local);
    ofSession.bytes += sizeOf(local.state);
    this.#bySeen.add(local);
    this.#bytes += sizeOf(local.state);
  }

  delete(local: LocalState): void {
    this.#bySeen.delete(local);
    const ofSession = this.#bySession.get(local.session);
    if (ofSession?.states.delete(local) === true) {
      ofSession.bytes -= sizeOf(local.state);
      this.#bytes -= sizeOf(local.state);
    }
    if (ofSession?.states.size === 0) this.#bySession.delete(local.session);
  }

  /** Renews a state. @param now Milliseconds of the monotonic clock. */
  touch(local: LocalState, now: number): void {
    local.seen = now;
    this.#bySeen.delete(local);
    this.#bySeen.add(local);
  }

  /** Replaces the text of a state. @returns False, and no change, when it would exceed the memory limit. */
  replace(local: LocalState, state: string): boolean {
    const growth = sizeOf(state) - sizeOf(local.state);
    if (growth > 0 && !this.#hasRoom(local.session, growth)) return false;
    this.#bytes += growth;
    const ofSession = this.#bySession.get(local.session);
    if (ofSession !== undefined) ofSession.bytes += growth;
    local.state = state;
    return true;
  }

  #hasRoom(session: Session, bytes: number): boolean {
    const { maxBytes, maxSessionBytes } = this.#options;
    return this.#bytes + bytes <= maxBytes && (this.#bySession.get(session)?.bytes ?? 0) + bytes <= maxSessionBytes;
  }
}

function sizeOf(state: string): number {
  return STATE_BYTES + 2 * state.length;
}
