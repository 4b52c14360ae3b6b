/** The identities of tokens whose signature and claims were found good: their clients come back with the same ones. */
import type { Verified } from '../identity.js';

type Valid = Extract<Verified, { readonly ok: true }>;

/** Longer tokens name many documents; they are checked each time, so that the number of tokens bounds the memory. */
const MAX_LENGTH = 1_024;

/**
 * Only what does not change is kept: whether a token has ended is looked at each time, and whether it was revoked is
 * asked by the caller. What is refused is not kept, so nobody without a valid token can push others out.
 */
export class TokenCache {
  readonly #max: number;
  /** By the hash of the whole token, the least recently used first. */
  readonly #known = new Map<string, Valid>();

  /** @param max Tokens that are kept; 0 keeps none. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Tokens that are kept. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * @param hash Of the whole token; two tokens with one hash would be taken for the same.
   * @param now Milliseconds since the epoch.
   * @returns Undefined where the token is not known, or has ended.
   */
  find(hash: string, now: number): Verified | undefined {
    const known = this.#known.get(hash);
    if (known === undefined) return undefined;
    this.#known.delete(hash);
    if ((known.identity.expiresAt ?? Infinity) <= now) return undefined;
    this.#known.set(hash, known);
    return known;
  }

  /** @param length Of the token, in characters. */
  keep(hash: string, verified: Verified, length: number): void {
    if (!verified.ok || length > MAX_LENGTH || this.#max === 0) return;
    this.#known.set(hash, verified);
    if (this.#known.size <= this.#max) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
