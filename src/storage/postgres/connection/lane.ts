/** A connection that is kept between consecutive actions. */

import { runOn, type Connection, type Connections, type Lender, type Loan } from './connection.js';

/** Milliseconds without use after which the connection is returned to the pool. */
const KEPT_MS = 1_000;

/**
 * Lends a connection that it keeps while one action follows the other. Borrowing and returning one cost more than all
 * else that this side does for a small commit, and would delay the statement by a few turns of the event loop.
 */
export class Lane implements Lender {
  readonly #connections: Pick<Connections, 'borrow'>;
  #kept: Loan | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasUsed = false;

  constructor(connections: Pick<Connections, 'borrow'>) {
    this.#connections = connections;
  }

  /** With a kept connection the action begins synchronously. */
  async use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result> {
    const loan = this.#release() ?? (await this.#connections.borrow());
    return runOn(loan, action, (failure) => {
      if (failure === undefined && this.#kept === undefined) this.#keep(loan);
      else loan.giveBack(failure);
    });
  }

  /** Returns the kept connection; `use` must not be called any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#release()?.giveBack();
  }

  /** The kept loan, which is no longer kept afterwards; undefined if there is none or it is stale. */
  #release(): Loan | undefined {
    const loan = this.#kept;
    this.#kept = undefined;
    if (loan?.isStale !== true) return loan;
    loan.giveBack();
    return undefined;
  }

  #keep(loan: Loan): void {
    this.#kept = loan;
    this.#wasUsed = true;
    this.#timer ??= setTimeout(this.#check, KEPT_MS);
  }

  /** One timer for many uses. */
  readonly #check = (): void => {
    this.#timer = undefined;
    if (!this.#wasUsed) {
      this.#release()?.giveBack();
      return;
    }
    this.#wasUsed = false;
    this.#timer = setTimeout(this.#check, KEPT_MS);
  };
}
