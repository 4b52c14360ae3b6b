import type { Session } from '../session.js';

/** The sessions of one user. Most users have one, and ten thousand sets of one would take megabytes. */
export class SessionGroup implements Iterable<Session> {
  #only: Session | undefined;
  #several: Set<Session> | undefined;

  get size(): number {
    return this.#several?.size ?? (this.#only === undefined ? 0 : 1);
  }

  add(session: Session): void {
    if (this.#several !== undefined) this.#several.add(session);
    else if (this.#only === undefined || this.#only === session) this.#only = session;
    else {
      this.#several = new Set([this.#only, session]);
      this.#only = undefined;
    }
  }

  delete(session: Session): void {
    if (this.#several !== undefined) this.#several.delete(session);
    else if (this.#only === session) this.#only = undefined;
  }

  /** Live: sessions that are added meanwhile come last. */
  *[Symbol.iterator](): IterableIterator<Session> {
    if (this.#several !== undefined) yield* this.#several;
    else if (this.#only !== undefined) yield this.#only;
  }
}
