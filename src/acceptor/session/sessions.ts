import { customerOf, isLoopback } from '../addresses/spelling.js';
import type { Budgets } from './limits/budgets.js';
import type { Session } from './session.js';
import { User } from './parts/user.js';

/** A user, as administrators see it. */
export interface UserConnections {
  /** The id of the user; for clients without one, followed by their address. */
  readonly user: string;
  readonly connections: number;
}

/** Users without a session whose budgets are kept: who connects again does not begin anew. */
const MAX_ABSENT = 10_000;

/** The open sessions by number, and the users that they belong to. */
export class Sessions {
  readonly #open = new Map<number, Session>();
  readonly #users = new Map<string, User<Session>>();
  /** Those without a session, the longest absent first. */
  readonly #absent = new Map<string, User<Session>>();
  readonly #budgets: Budgets;
  #numbers = 0;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
  }

  /** A number for a session that none had before. */
  nextNumber(): number {
    return ++this.#numbers;
  }

  /** The number that was given out last. */
  get newest(): number {
    return this.#numbers;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Different users among the authenticated sessions. */
  get users(): number {
    return this.#users.size;
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

  /**
   * The session belongs to this user from now on.
   *
   * @param isShared Whether it stands for many people: then whoever comes from one address is one user, except that
   *   addresses of this host have no budget, as a proxy may stand behind them.
   */
  setUser(session: Session, userId: string, isShared: boolean): void {
    this.#dropUser(session);
    const isFree = isShared && isLoopback(session.address);
    const customer = isFree ? session.address : customerOf(session.address);
    const name = isShared ? `${userId} ${customer}` : userId;
    const user = this.#users.get(name) ?? this.#enter(userId, name, isFree);
    user.add(session);
    session.user = user;
  }

  /** At most `limit` users, those who connected first before the others. */
  listUsers(limit: number): UserConnections[] {
    const listed: UserConnections[] = [];
    for (const { name: user, size: connections } of this.#users.values()) {
      if (listed.length >= limit) break;
      listed.push({ user, connections });
    }
    return listed;
  }

  /** The sessions of a user, live. @param user As `listUsers` names it. */
  ofUser(user: string): User<Session> | undefined {
    return this.#users.get(user);
  }

  /** A copy of all open sessions. */
  all(): Session[] {
    return [...this.#open.values()];
  }

  /** All open sessions, live: those that are added while iterating come last. */
  values(): IterableIterator<Session> {
    return this.#open.values();
  }

  #enter(userId: string, name: string, isFree: boolean): User<Session> {
    const user = this.#absent.get(name) ?? new User<Session>(userId, name, isFree, this.#budgets);
    this.#absent.delete(name);
    this.#users.set(name, user);
    return user;
  }

  #dropUser(session: Session): void {
    const { user } = session;
    if (user === undefined) return;
    session.user = undefined;
    user.delete(session);
    if (user.size > 0) return;
    this.#users.delete(user.name);
    if (!user.isUnused(performance.now())) this.#absent.set(user.name, user);
    this.#forgetAbsent();
  }

  /** Forgets the longest absent users, while there are too many or their budgets are as good as new. */
  #forgetAbsent(): void {
    const now = performance.now();
    for (const [name, user] of this.#absent) {
      if (this.#absent.size <= MAX_ABSENT && !user.isUnused(now)) return;
      this.#absent.delete(name);
    }
  }
}
