/** Documents that are to be processed, such as loaded again, handed out in portions. */

/** Documents per portion: about what one request to a storage loads. */
const PORTION = 64;
const PAUSE_MS = 10;

/**
 * Ten thousand documents may become active with one command. Loading all at once would overload the storage, so they
 * are handed out in portions with pauses. The first portion follows in the next turn of the event loop.
 */
export class ResyncQueue<Reason> {
  readonly #handOut: (documentIds: readonly string[], reason: Reason) => void;
  readonly #waiting = new Map<string, Reason>();
  #timer: NodeJS.Timeout | undefined;

  constructor(handOut: (documentIds: readonly string[], reason: Reason) => void) {
    this.#handOut = handOut;
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

  /** Removes a document that is no longer wanted. */
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
    for (const [reason, documentIds] of portions) this.#handOut(documentIds, reason);
  }
}
