/** Decides anew about all open sessions after a change of accounts, keys or revocations. */
import type { LiveIdentity } from '../acceptor/session/live-identities.js';
import type { Changed } from '../auth/accounts/directory.js';
import type { Identity, Verified } from '../auth/identity.js';
import type { Account } from '../storage/accounts/port.js';

export interface RecheckOptions {
  /** Those that are open now, live: what is read of one counts at that moment. */
  readonly sessions: () => Iterable<LiveIdentity>;
  readonly account: (id: string) => Account | undefined | Promise<Account | undefined>;
  /** Undefined when nothing has changed for the identity. */
  readonly recheck: (identity: Identity, changed: Changed) => Verified | undefined;
}

/** Sessions that are looked at in one turn of the event loop. */
const PER_TURN = 200;

/** There may be very many sessions: they are looked at in turns, between which the node serves its clients. */
export class Recheck {
  readonly #options: RecheckOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  /** Resolves when all sessions are checked. A later change waits for an earlier one, which would undo it. */
  check(changed: Changed): Promise<void> {
    const checked = this.#last.then(() => this.#check(changed));
    this.#last = checked.catch(() => undefined);
    return checked;
  }

  async #check(changed: Changed): Promise<void> {
    const { recheck } = this.#options;
    const known = changed.isAll ? { ...changed, accounts: await this.#accounts() } : changed;
    await this.#each(({ identity, settle }) => {
      const verdict = recheck(identity, known);
      if (verdict !== undefined) settle(verdict);
    });
  }

  /** Those that sessions depend on. */
  async #accounts(): Promise<Map<string, Account | undefined>> {
    const accounts = new Map<string, Account | undefined>();
    await this.#each(async ({ identity: { basis } }) => {
      if (basis?.kind !== 'account' || accounts.has(basis.accountId)) return;
      accounts.set(basis.accountId, await this.#options.account(basis.accountId));
    });
    return accounts;
  }

  async #each(look: (live: LiveIdentity) => void | Promise<void>): Promise<void> {
    let looked = 0;
    for (const live of this.#options.sessions()) {
      await look(live);
      if (++looked % PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
