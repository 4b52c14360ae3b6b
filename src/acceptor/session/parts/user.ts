import type { Budgets, UserBudget } from '../limits/budgets.js';

/** A user with open sessions. Most have one, and ten thousand sets of one would take megabytes. */
export class User<Session> implements Iterable<Session> {
  readonly #budgets: Pick<Budgets, 'ofUser'>;
  #only: Session | undefined;
  #several: Set<Session> | undefined;
  /** Undefined while nothing of it is in use. */
  #budget: UserBudget | undefined;

  /**
   * @param id As the application knows it.
   * @param name What it is counted by: the id, and, where it stands for many people, their address.
   * @param isFree Whether it has no budget.
   */
  constructor(
    readonly id: string,
    readonly name: string,
    readonly isFree: boolean,
    budgets: Pick<Budgets, 'ofUser'>,
  ) {
    this.#budgets = budgets;
  }

  /** What all its sessions may use together; undefined where nothing bounds that. */
  get budget(): UserBudget | undefined {
    return this.isFree ? undefined : (this.#budget ??= this.#budgets.ofUser());
  }

  /** Whether its budget is as good as a new one. @param now Milliseconds of the monotonic clock. */
  isUnused(now: number): boolean {
    return this.#budget?.isUnused(now) ?? true;
  }

  /** Forgets a budget that is as good as a new one. */
  rest(now: number): void {
    // A read of another session is charged to the one that it began with.
    if (this.#several === undefined && this.isUnused(now)) this.#budget = undefined;
  }

  /** Its sessions. */
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
