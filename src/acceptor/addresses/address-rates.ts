import type { AddressLimit } from '../../config/load.js';
import { Rate, TokenBucket } from '../session/limits/token-bucket.js';
import { limitFor } from './addresses.js';
import { customerOf, isLoopback } from './spelling.js';

/** Seconds of its rate that an address may use at once: many people may be behind one, and come back together. */
const BURST_SECONDS = 5;
/** Addresses that are remembered. */
const MAX_ADDRESSES = 50_000;

/** Allows each address a number of something per second. */
export class AddressRates {
  readonly #limit: AddressLimit;
  readonly #loopback: Rate;
  readonly #others: Rate;
  /** By customer, the longest known first. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param limit Per second. */
  constructor(limit: AddressLimit) {
    this.#limit = limit;
    this.#loopback = new Rate(limit.loopback, limit.loopback * BURST_SECONDS);
    this.#others = new Rate(limit.others, limit.others * BURST_SECONDS);
  }

  /** @param address In its one spelling. @param now Milliseconds of the monotonic clock. */
  take(address: string, now: number): boolean {
    const limit = limitFor(this.#limit, address);
    if (limit === 0) return true;
    const customer = customerOf(address);
    let bucket = this.#buckets.get(customer);
    if (bucket === undefined) {
      this.#makeRoom(now);
      this.#buckets.set(customer, (bucket = new TokenBucket(isLoopback(address) ? this.#loopback : this.#others)));
    }
    return bucket.take(now);
  }

  /** Forgets the longest known addresses: some whose buckets are as good as new, or the first one. */
  #makeRoom(now: number): void {
    if (this.#buckets.size < MAX_ADDRESSES) return;
    let looked = 0;
    for (const [customer, bucket] of this.#buckets) {
      if (looked++ === 0 || bucket.isFull(now)) this.#buckets.delete(customer);
      if (looked > 1_000) return;
    }
  }
}
