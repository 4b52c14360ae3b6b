import { customerOf } from '../addresses/spelling.js';
import type { Budgets, SessionBudget } from '../session/limits/budgets.js';

/** Addresses whose budgets are kept. */
const MAX_ADDRESSES = 10_000;

/** What the HTTP requests of one address, or of its IPv6 network, may use together: as much as one connection. */
export class AddressBudgets {
  readonly #budgets: Pick<Budgets, 'ofSession'>;
  /** The least recently used first. */
  readonly #kept = new Map<string, SessionBudget>();

  constructor(budgets: Pick<Budgets, 'ofSession'>) {
    this.#budgets = budgets;
  }

  /** @param now Milliseconds of the monotonic clock. */
  of(address: string, now: number): SessionBudget {
    const customer = customerOf(address);
    const budget = this.#kept.get(customer) ?? this.#budgets.ofSession();
    this.#kept.delete(customer);
    this.#kept.set(customer, budget);
    for (const [oldest, kept] of this.#kept) {
      if (oldest === customer || (this.#kept.size <= MAX_ADDRESSES && !kept.isUnused(now))) break;
      this.#kept.delete(oldest);
    }
    return budget;
  }
}
