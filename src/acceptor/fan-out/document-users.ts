/** Which users follow which documents on this node, for whoever is told when they come and go. */

/** @param isThere Whether the first session of the user follows the document, or the last one does not any more. */
export type OnUser = (documentId: string, userId: string, isThere: boolean) => void;

export class DocumentUsers {
  /** By document and user: sessions that follow. Ids of documents hold no spaces. */
  readonly #sessions = new Map<string, number>();
  readonly #onUser: OnUser;

  constructor(onUser: OnUser) {
    this.#onUser = onUser;
  }

  /** A session follows a document. @returns What `left` is to be given. */
  joined(documentId: string, userId: string | undefined): string | undefined {
    if (userId === undefined) return undefined;
    const key = `${documentId} ${userId}`;
    const sessions = (this.#sessions.get(key) ?? 0) + 1;
    this.#sessions.set(key, sessions);
    if (sessions === 1) this.#onUser(documentId, userId, true);
    return userId;
  }

  /** @param userId What `joined` has returned: the session may be of another user by now. */
  left(documentId: string, userId: string | undefined): void {
    if (userId === undefined) return;
    const key = `${documentId} ${userId}`;
    const sessions = (this.#sessions.get(key) ?? 0) - 1;
    if (sessions > 0) {
      this.#sessions.set(key, sessions);
      return;
    }
    this.#sessions.delete(key);
    this.#onUser(documentId, userId, false);
  }
}
