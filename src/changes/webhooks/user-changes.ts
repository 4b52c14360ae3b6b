/** Users who come to documents and go: who comes back at once has not gone. */

/** A user follows a document from now on, or does not any more, on this node. */
export interface UserChange {
  readonly documentId: string;
  readonly userId: string;
  readonly isThere: boolean;
  /** In ms since the epoch. */
  readonly at: number;
}

interface Pending extends UserChange {
  /** What was told last. */
  readonly wasThere: boolean;
  /** By `performance.now()`. */
  readonly dueAt: number;
}

export interface UserChangesOptions {
  readonly debounceMs: number;
  /** Changes that wait; further ones are dropped. */
  readonly maxPending: number;
}

export class UserChanges {
  readonly #options: UserChangesOptions;
  /** By document and user, in the order in which they are due. */
  readonly #pending = new Map<string, Pending>();
  #dropped = 0;

  constructor(options: UserChangesOptions) {
    this.#options = options;
  }

  changed(documentId: string, userId: string, isThere: boolean): void {
    const key = `${documentId} ${userId}`;
    const before = this.#pending.get(key);
    if (before === undefined && this.#pending.size >= this.#options.maxPending) {
      this.#dropped++;
      return;
    }
    const { wasThere, dueAt } = before ?? { wasThere: !isThere, dueAt: performance.now() + this.#options.debounceMs };
    this.#pending.set(key, { documentId, userId, isThere, at: Date.now(), wasThere, dueAt });
  }

  /** Takes those that are due. */
  take(limit: number): UserChange[] {
    const now = performance.now();
    const due: UserChange[] = [];
    for (const [key, { documentId, userId, isThere, at, wasThere, dueAt }] of this.#pending) {
      if (dueAt > now || due.length >= limit) break;
      this.#pending.delete(key);
      if (isThere !== wasThere) due.push({ documentId, userId, isThere, at });
    }
    return due;
  }

  /** Changes that were dropped since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
