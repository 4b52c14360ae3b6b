/** Documents that are remembered. */
const MOST = 100_000;

/**
 * The last commits of documents that were evicted. Clients may stay subscribed to one meanwhile: when it is loaded with
 * other commits than it had, another process has written it, and they have missed that.
 */
export class EvictedCommits {
  readonly #numbers = new Map<string, number>();
  readonly #hasBus: boolean;
  #hasForgotten: boolean;

  /**
   * @param isReplacement Whether a former worker had documents that nobody knows of.
   * @param hasBus With a bus, nothing has to be remembered: a document that has subscribers is not evicted, and what a
   * former worker sent is sent once more.
   */
  constructor(isReplacement: boolean, hasBus: boolean) {
    this.#hasForgotten = isReplacement;
    this.#hasBus = hasBus;
  }

  /** @param claim What its subscribers have, as `DocumentCommits` tells. */
  evicted(documentId: string, claim: number | undefined): void {
    if (this.#hasBus) return;
    this.#numbers.delete(documentId);
    this.#numbers.set(documentId, claim ?? -1);
    if (this.#numbers.size <= MOST) return;
    for (const [oldest] of this.#numbers) {
      this.#numbers.delete(oldest);
      break;
    }
    this.#hasForgotten = true;
  }

  /** Takes a document back. @returns Whether all who are subscribed have everything up to this commit. */
  isCurrent(documentId: string, commits: number): boolean {
    if (this.#hasBus) return true;
    const known = this.#numbers.get(documentId);
    this.#numbers.delete(documentId);
    return known === undefined ? !this.#hasForgotten : known === commits;
  }
}
