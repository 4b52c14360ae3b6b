/**
 * What a node knows of accounts, keys and revocations: all keys and revocations, and the accounts that it was lately
 * asked for. It follows the list of changes in the storage, so that a change on any node, or by the command line, counts
 * here a moment later.
 */
import type { Logger } from 'pino';
import type { AccessChange } from '../access/access-cache.js';
import { readOrder, type Order } from './orders.js';
import type { Account, AccountStore, ApiKey, Change, Revocation } from '../../storage/accounts/port.js';

export interface DirectoryOptions {
  /** Time between two looks at the list of changes, in ms. */
  readonly pollMs: number;
  readonly log: Logger;
  /** Something has changed that may concern sessions; it is known here already. */
  readonly onChanged: (changed: Changed) => void;
  /** An administrator wants something done on all nodes. Orders from before the start are not repeated. */
  readonly onOrder?: (order: Order) => void;
  readonly onPollFailed: () => void;
}

/** What has changed. */
export interface Changed {
  /** Accounts as they are now; undefined for those that are gone. */
  readonly accounts: ReadonlyMap<string, Account | undefined>;
  /** Changes were missed: any account may have changed. Those that are needed must be looked up. */
  readonly isAll: boolean;
  /** What the application has decided anew. */
  readonly access: readonly AccessChange[];
}

const maxCached = 10_000;
const maxTries = 5;

export class Directory {
  readonly #options: DirectoryOptions;
  #opened: AccountStore | undefined;
  #keys = new Map<string, ApiKey>();
  readonly #revocations = new Map<string, Revocation>();
  /** Ids of accounts by when they were last asked for; undefined for those that do not exist. */
  readonly #accounts = new Map<string, Account | undefined>();
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #isClosed = false;
  #isFailing = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** Reads keys and revocations, and follows the changes from then on. */
  async start(store: AccountStore): Promise<void> {
    this.#opened = store;
    await this.#readAll(await store.lastChange());
    this.#schedule();
  }

  get #store(): AccountStore {
    if (this.#opened === undefined) throw new Error('the accounts are not opened yet');
    return this.#opened;
  }

  get keys(): number {
    return this.#keys.size;
  }

  get revocations(): number {
    return this.#revocations.size;
  }

  key(id: string): ApiKey | undefined {
    return this.#keys.get(id);
  }

  /** @param kind And id: of the revocation. @returns When it was revoked, in ms since the epoch. */
  revokedAt(kind: Revocation['kind'], id: string): number | undefined {
    return this.#revocations.get(`${kind}:${id}`)?.at;
  }

  /** At once when it is known, else from the storage. Rejects when that fails. */
  account(id: string): Account | undefined | Promise<Account | undefined> {
    if (!this.#accounts.has(id)) return this.#look(id);
    const account = this.#accounts.get(id);
    this.#remember(id, account);
    return account;
  }

  /** Looks at the list of changes now; after a change of our own. Never rejects. */
  async refresh(): Promise<void> {
    // One that runs already may have begun before the change.
    await this.#polling;
    await this.#poll();
  }

  /** Forgets revocations of what has ended. @param now Milliseconds since the epoch. */
  sweep(now: number): void {
    for (const [name, { expiresAt }] of this.#revocations) {
      if (expiresAt !== undefined && expiresAt <= now) this.#revocations.delete(name);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#polling;
  }

  async #look(id: string): Promise<Account | undefined> {
    for (let tries = 1; ; tries++) {
      const before = this.#number;
      const account = await this.#store.accountById(id);
      // What changed meanwhile may be newer.
      if (before !== this.#number && tries < maxTries) continue;
      if (before === this.#number) this.#remember(id, account);
      return account;
    }
  }

  #remember(id: string, account: Account | undefined): void {
    this.#accounts.delete(id);
    this.#accounts.set(id, account);
    if (this.#accounts.size <= maxCached) return;
    for (const oldest of this.#accounts.keys()) {
      this.#accounts.delete(oldest);
      return;
    }
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.#poll().then(() => {
        this.#schedule();
      });
    }, this.#options.pollMs);
  }

  #poll(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return (this.#polling ??= this.#followChanges()
      .then(
        () => {
          this.#isFailing = false;
        },
        (error: unknown) => {
          this.#options.onPollFailed();
          if (!this.#isFailing) {
            this.#options.log.warn(
              { err: error },
              'changes of accounts and keys can’t be read; the last known ones count',
            );
          }
          this.#isFailing = true;
        },
      )
      .finally(() => {
        this.#polling = undefined;
      }));
  }

  async #followChanges(): Promise<void> {
    const { onChanged, onOrder } = this.#options;
    const { changes, last, isComplete } = await this.#store.changesSince(this.#number);
    if (isComplete && changes.length === 0) return;
    const accounts = isComplete ? await this.#apply(changes) : new Map<string, Account | undefined>();
    if (isComplete) this.#number = last;
    else await this.#readAll(last);
    const access = changes.filter(({ kind }) => kind === 'access').map(({ id }) => JSON.parse(id) as AccessChange);
    for (const { kind, id } of changes) {
      const order = kind === 'order' ? readOrder(id) : undefined;
      if (order !== undefined) onOrder?.(order);
    }
    // Orders change nothing of what sessions may do, and there may be very many sessions.
    if (isComplete && changes.every(({ kind }) => kind === 'order')) return;
    onChanged({ accounts, isAll: !isComplete, access });
  }

  async #apply(changes: readonly Change[]): Promise<Map<string, Account | undefined>> {
    const store = this.#store;
    const ids = (of: Change['kind']): string[] => changes.filter(({ kind }) => kind === of).map(({ id }) => id);
    const accounts = new Map<string, Account | undefined>();
    for (const id of new Set(ids('account'))) {
      const account = await store.accountById(id);
      accounts.set(id, account);
      if (this.#accounts.has(id)) this.#remember(id, account);
    }
    if (ids('key').length > 0) this.#keys = await this.#readKeys();
    const names = ids('revocation');
    if (names.length > 0) this.#revoke(await store.findRevocations(names));
    return accounts;
  }

  /** @param number Of a change that is counted in; what changes meanwhile is read twice. */
  async #readAll(number: number): Promise<void> {
    this.#keys = await this.#readKeys();
    const revocations = await this.#store.listRevocations();
    this.#revocations.clear();
    this.#revoke(revocations);
    this.#number = number;
    this.#accounts.clear();
  }

  async #readKeys(): Promise<Map<string, ApiKey>> {
    return new Map((await this.#store.listKeys()).map((key) => [key.id, key]));
  }

  #revoke(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) this.#revocations.set(`${revocation.kind}:${revocation.id}`, revocation);
  }
}
