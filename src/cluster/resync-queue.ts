/** Documents for which something is to be done, such as loading them again, given out in portions. */

/** About what a storage loads with one request. */
const PORTION = 64;
const PAUSE_MS = 10;

/**
 * Ten thousand documents that become active with one command must not all be loaded at once: the storage, and whoever
 * shares it, has other things to do. The first portion goes out in the next turn of the event loop.
 */
export class ResyncQueue<Reason> {
  readonly #give: (documentIds: readonly string[], reason: Reason) => void;
  readonly #waiting = new Map<string, Reason>();
  #timer: NodeJS.Timeout | undefined;

  constructor(give: (documentIds: readonly string[], reason: Reason) => void) {
    this.#give = give;
  }

  add(documentId: string, reason: Reason): void {
    this.#waiting.set(documentId, reason);
    this.#timer ??= setTimeout(() => {
      this.#next();
    }, 0);
  }

  has(documentId: string): boolean {
    return this.#waiting.has(documentId);
  }

  /** Takes out a document that is no longer wanted. */
  delete(documentId: string): void {
    this.#waiting.delete(documentId);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #next(): void {
    this.#timer = undefined;
    const portions = new Map<Reason, string[]>();
    let count = 0;
    for (const [documentId, reason] of this.#waiting) {
      if (++count > PORTION) break;
      this.#waiting.delete(documentId);
      const portion = portions.get(reason);
      if (portion === undefined) portions.set(reason, [documentId]);
      else portion.push(documentId);
    }
    if (this.#waiting.size > 0) {
      this.#timer = setTimeout(() => {
        this.#next();
      }, PAUSE_MS);
    }
    for (const [reason, documentIds] of portions) this.#give(documentIds, reason);
  }
}
