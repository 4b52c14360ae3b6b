/** Limits the guessing of passwords: who fails often has to wait, longer each time. */
import { createHash } from 'node:crypto';
import { MemorySharedState } from '../../cluster/memory/shared-state.js';
import type { SharedState, ThrottlePolicy } from '../../cluster/membership/shared-state.js';

/** Where attempts are counted. All methods may reject. */
export type ThrottleState = Pick<SharedState, 'attempt' | 'clear' | 'takeBack'>;

const minute = 60_000;
/** Several people may share an address, and whoever knows an email can make its attempts fail. */
export const perAddress: ThrottlePolicy = {
  free: 20,
  firstWaitMs: 1_000,
  longestWaitMs: 15 * minute,
  keepMs: 60 * minute,
};
export const perAccountAndAddress: ThrottlePolicy = { ...perAddress, free: 5 };
export const perAccount: ThrottlePolicy = { ...perAddress, free: 10, longestWaitMs: minute };

/** Counts where all nodes count, and in this process while that can't be reached. */
export class SharedThrottle implements ThrottleState {
  readonly #shared: ThrottleState;
  readonly #local = new MemorySharedState();

  constructor(shared: ThrottleState) {
    this.#shared = shared;
  }

  async attempt(key: string, policy: ThrottlePolicy): Promise<number> {
    try {
      return await this.#shared.attempt(key, policy);
    } catch {
      return this.#local.attempt(key, policy);
    }
  }

  async clear(key: string): Promise<void> {
    await this.#local.clear(key);
    try {
      await this.#shared.clear(key);
    } catch {
      // It is forgotten there in time.
    }
  }

  async takeBack(key: string): Promise<void> {
    await this.#local.takeBack(key);
    try {
      await this.#shared.takeBack(key);
    } catch {
      // As above.
    }
  }
}

/** Slows down sign-ins. */
export class SignInThrottle {
  readonly #state: ThrottleState;
  readonly #customerOf: (address: string) => string;

  /** @param customerOf What somebody has who has an address: of IPv6, that is a network of very many. */
  constructor(state: ThrottleState, customerOf: (address: string) => string) {
    this.#state = state;
    this.#customerOf = customerOf;
  }

  /** @returns Milliseconds to wait; 0 for an attempt that may be made. */
  async attempt(email: string, from: string): Promise<number> {
    const address = this.#customerOf(from);
    const wait = await this.#state.attempt(`address:${address}`, perAddress);
    if (wait > 0) return wait;
    const both = await this.#state.attempt(`both:${nameOf(email)}:${address}`, perAccountAndAddress);
    return both > 0 ? both : this.#state.attempt(`account:${nameOf(email)}`, perAccount);
  }

  /** The attempt has succeeded. The address keeps its failures: it may go on guessing other accounts. */
  async succeeded(email: string, from: string): Promise<void> {
    const address = this.#customerOf(from);
    await this.#state.takeBack(`address:${address}`);
    await this.#state.clear(`both:${nameOf(email)}:${address}`);
    await this.#state.clear(`account:${nameOf(email)}`);
  }
}

/** Emails are nobody's business in Redis. */
function nameOf(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}
