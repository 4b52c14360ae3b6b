import type { LocalState } from './document-awareness.js';
import type { Session } from '../session/session.js';

/** Approximate bytes of memory of a state besides its text. */
const STATE_BYTES = 400;

/** The states of this node's sessions in all documents: by session, by last renewal, and how much memory they take. */
export class LocalStates {
  readonly #maxPerSession: number;
  readonly #maxBytes: number;
  /** In the order of their last renewal, the oldest first. */
  readonly #bySeen = new Set<LocalState>();
  readonly #bySession = new Map<Session, Set<LocalState>>();
  #bytes = 0;

  /** @param maxBytes Approximate memory of all states. */
  constructor(maxPerSession: number, maxBytes: number) {
    this.#maxPerSession = maxPerSession;
    this.#maxBytes = maxBytes;
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
    return this.#bySession.get(session) ?? [];
  }

  /** All states in the order of their last renewal, the oldest first. */
  bySeen(): Iterable<LocalState> {
    return this.#bySeen;
  }

  /** Whether there is room for one more state of a session. */
  fits(session: Session, state: string): boolean {
    const count = this.#bySession.get(session)?.size ?? 0;
    return count < this.#maxPerSession && this.#bytes + sizeOf(state) <= this.#maxBytes;
  }

  add(local: LocalState): void {
    const ofSession = this.#bySession.get(local.session);
    if (ofSession === undefined) this.#bySession.set(local.session, new Set([local]));
    else ofSession.add(local);
    this.#bySeen.add(local);
    this.#bytes += sizeOf(local.state);
  }

  delete(local: LocalState): void {
    this.#bySeen.delete(local);
    const ofSession = this.#bySession.get(local.session);
    ofSession?.delete(local);
    if (ofSession?.size === 0) this.#bySession.delete(local.session);
    this.#bytes -= sizeOf(local.state);
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
    if (growth > 0 && this.#bytes + growth > this.#maxBytes) return false;
    this.#bytes += growth;
    local.state = state;
    return true;
  }
}

function sizeOf(state: string): number {
  return STATE_BYTES + 2 * state.length;
}
