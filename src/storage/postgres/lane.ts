/** A connection that stays with who uses it all the time. */

import { runOn, type Connection, type Connections, type Lender, type Loan } from './connection.js';

/** A connection that was not used for this long goes back to the others. */
const KEPT_MS = 1_000;

/**
 * Lends a connection that it does not give back while one action follows the other. To borrow and to give back take
 * longer than all else that this side does for a small commit, and the statement would be sent a few turns later.
 */
export class Lane implements Lender {
  readonly #connections: Connections;
  #kept: Loan | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasUsed = false;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Begins the action at once where a connection is kept, before it returns. */
  async use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result> {
    const loan = this.#take() ?? (await this.#connections.borrow());
    return runOn(loan, action, (failure) => {
      if (failure === undefined && this.#kept === undefined) this.#keep(loan);
      else loan.giveBack(failure);
    });
  }

  /** Gives back what is kept; must not be used any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#take()?.giveBack();
  }

  #take(): Loan | undefined {
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
      this.#take()?.giveBack();
      return;
    }
    this.#wasUsed = false;
    this.#timer = setTimeout(this.#check, KEPT_MS);
  };
}
