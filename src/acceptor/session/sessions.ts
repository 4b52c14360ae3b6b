import type { Session } from './session.js';

/** The open sessions by number, and the number of different users. */
export class Sessions {
  readonly #open = new Map<number, Session>();
  readonly #sessionsOf = new Map<string, number>();

  get size(): number {
    return this.#open.size;
  }

  /** Different users among the authenticated sessions. */
  get users(): number {
    return this.#sessionsOf.size;
  }

  find(number: number): Session | undefined {
    return this.#open.get(number);
  }

  add(session: Session): void {
    this.#open.set(session.number, session);
  }

  /** @returns False when the session was not among them. */
  remove(session: Session): boolean {
    this.#dropUser(session);
    return this.#open.delete(session.number);
  }

  /** The session belongs to this user from now on. */
  setUser(session: Session, userId: string): void {
    this.#dropUser(session);
    session.userId = userId;
    this.#sessionsOf.set(userId, (this.#sessionsOf.get(userId) ?? 0) + 1);
  }

  /** A copy of all open sessions. */
  all(): Session[] {
    return [...this.#open.values()];
  }

  #dropUser(session: Session): void {
    const { userId } = session;
    if (userId === undefined) return;
    session.userId = undefined;
    const left = (this.#sessionsOf.get(userId) ?? 1) - 1;
    if (left > 0) this.#sessionsOf.set(userId, left);
    else this.#sessionsOf.delete(userId);
  }
}
