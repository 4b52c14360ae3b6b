/** Hashes passwords in threads of their own: neither connections nor the disk wait for it. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { PasswordWork } from './password-worker.js';
import type { PasswordCost } from './passwords.js';

export interface PasswordPoolOptions {
  readonly cost: PasswordCost;
  readonly threads: number;
  /** Passwords that wait for a thread; further ones are refused. */
  readonly maxWaiting: number;
}

/** Too many passwords wait already. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

/** A thread that has nothing to do ends after this time, in ms. */
const idleMs = 30_000;

export class PasswordPool {
  readonly cost: PasswordCost;
  readonly #options: PasswordPoolOptions;
  #pool: Piscina<PasswordWork, string | boolean> | undefined;
  #waiting = 0;

  constructor(options: PasswordPoolOptions) {
    this.#options = options;
    this.cost = options.cost;
  }

  /** Passwords that are being hashed or wait for it. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @throws BusyError */
  async hash(password: string): Promise<string> {
    return String(await this.#run({ kind: 'hash', password, cost: this.cost }));
  }

  /** @throws BusyError */
  async check(password: string, stored: string): Promise<boolean> {
    return (await this.#run({ kind: 'check', password, stored })) === true;
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  async #run(work: PasswordWork): Promise<string | boolean> {
    const { threads, maxWaiting } = this.#options;
    if (this.#waiting >= threads + maxWaiting) throw new BusyError('too many passwords are being checked');
    this.#waiting++;
    try {
      return await this.#open().run(work);
    } finally {
      this.#waiting--;
    }
  }

  #open(): Piscina<PasswordWork, string | boolean> {
    return (this.#pool ??= new Piscina<PasswordWork, string | boolean>({
      filename: fileURLToPath(new URL('./password-worker.js', import.meta.url)),
      minThreads: 0,
      maxThreads: this.#options.threads,
      idleTimeout: idleMs,
      atomics: 'disabled',
    }));
  }
}
