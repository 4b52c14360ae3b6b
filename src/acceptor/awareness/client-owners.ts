/** Client ids of one user that are remembered. */
const MAX_PER_USER = 1_000;
/** Client ids of all users that are remembered. */
const MAX = 100_000;

interface Owner {
  readonly userId: string;
  /** In ms since the epoch. */
  readonly since: number;
}

/**
 * Who has used a client id in a document first, also when he is away: another user may use the id meanwhile, but not
 * when its owner comes back. What one user does makes only ids of his own be forgotten.
 */
export class ClientOwners {
  readonly #owners = new Map<string, Owner>();
  /** The ids of each user, the oldest first. */
  readonly #byUser = new Map<string, Set<string>>();

  /** Since when a user owns an id; undefined when another does. One that nobody has used is his from now on. */
  claim(key: string, userId: string): number | undefined {
    const owner = this.#owners.get(key);
    if (owner !== undefined) return owner.userId === userId ? owner.since : undefined;
    const since = Date.now();
    const own = this.#byUser.get(userId) ?? new Set();
    this.#byUser.set(userId, own);
    own.add(key);
    this.#owners.set(key, { userId, since });
    if (own.size > MAX_PER_USER) this.#forgetFirst(own.keys());
    if (this.#owners.size > MAX) this.#forgetFirst(this.#owners.keys());
    return since;
  }

  #forgetFirst(keys: Iterable<string>): void {
    for (const key of keys) {
      const { userId } = this.#owners.get(key) ?? {};
      this.#owners.delete(key);
      if (userId === undefined) return;
      const own = this.#byUser.get(userId);
      own?.delete(key);
      if (own?.size === 0) this.#byUser.delete(userId);
      return;
    }
  }
}
