import type { LocalState } from './document-awareness.js';
import type { Session } from '../session/session.js';

/** What a state takes besides its text, about; bytes. */
const STATE_BYTES = 400;

/** The states of the sessions here, of all documents: whose they are, when they were last renewed, and what they take. */
export class LocalStates {
  readonly #maxPerSession: number;
  readonly #maxBytes: number;
  /** The one not seen for longest in front. */
  readonly #bySeen = new Set<LocalState>();
  readonly #bySession = new Map<Session, Set<LocalState>>();
  #bytes = 0;

  /** @param maxBytes Of memory that all states may take, about. */
  constructor(maxPerSession: number, maxBytes: number) {
    this.#maxPerSession = maxPerSession;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#bySeen.size;
  }

  /** Sessions that show something. */
  sessions(): Session[] {
    return [...this.#bySession.keys()];
  }

  /** What a session shows; it may be changed on the way. */
  ofSession(session: Session): Iterable<LocalState> {
    return this.#bySession.get(session) ?? [];
  }

  /** All, the one not seen for longest first. */
  bySeen(): Iterable<LocalState> {
    return this.#bySeen;
  }

  /** Whether a session may show one more. */
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

  /** A sign of life. */
  touch(local: LocalState, now: number): void {
    local.seen = now;
    this.#bySeen.delete(local);
    this.#bySeen.add(local);
  }

  /** Gives one another state. @returns Whether there was document for it. */
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
