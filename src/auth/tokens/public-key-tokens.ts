/** Tokens of an identity provider: JWTs that are signed with its private key and checked with its public one. */
import { compactVerify, decodeProtectedHeader, type CompactJWSHeaderParameters } from 'jose';
import type { ClaimRules } from '../../config/load.js';
import { identityOf } from './claims.js';
import { failed, unavailable, type Claims, type Verified } from '../identity.js';
import { algorithms, type Key, type KeySet } from './key-set.js';
import { maxTokenLength } from './tokens.js';

/** Where keys come from; undefined while they can't be had. */
export type KeySource = (kid: string | undefined) => KeySet | undefined | Promise<KeySet | undefined>;

export interface PublicKeyVerifierOptions {
  /** Asked in turn until one has a key for the token. */
  readonly sources: readonly KeySource[];
  readonly rules: ClaimRules;
  /** Verifications at a time, those that wait for keys included; further ones are refused as unavailable. */
  readonly maxInProgress: number;
  readonly now?: () => number;
}

/** The signatures are checked by WebCrypto, outside the thread that calls. */
export class PublicKeyVerifier {
  readonly #options: PublicKeyVerifierOptions;
  #inProgress = 0;

  constructor(options: PublicKeyVerifierOptions) {
    this.#options = options;
  }

  /** Verifications in progress. */
  get inProgress(): number {
    return this.#inProgress;
  }

  /** Never rejects, whatever the text. */
  async verify(token: string): Promise<Verified> {
    if (token.length > maxTokenLength) return failed;
    const header = headerOf(token);
    if (header === undefined) return failed;
    if (this.#inProgress >= this.#options.maxInProgress) return unavailable;
    this.#inProgress++;
    try {
      return await this.#verify(token, header);
    } catch {
      return failed;
    } finally {
      this.#inProgress--;
    }
  }

  async #verify(token: string, header: CompactJWSHeaderParameters): Promise<Verified> {
    const { sources, rules, now = Date.now } = this.#options;
    let isMissing = false;
    for (const source of sources) {
      const keys = await source(header.kid);
      isMissing ||= keys === undefined;
      for (const key of (await keys?.candidates(header)) ?? []) {
        const claims = await claimsOf(token, key);
        if (claims !== undefined) return identityOf(token, claims, rules, now());
      }
    }
    return isMissing ? unavailable : failed;
  }
}

/** The header of a token that a public key may have signed; of other ones undefined. */
function headerOf(token: string): CompactJWSHeaderParameters | undefined {
  try {
    const { alg, kid, crit, ...header } = decodeProtectedHeader(token);
    // What is critical about a token is not known here.
    if (crit !== undefined || typeof alg !== 'string' || !algorithms.includes(alg)) return undefined;
    if (kid !== undefined && typeof kid !== 'string') return undefined;
    return kid === undefined ? { ...header, alg } : { ...header, alg, kid };
  } catch {
    return undefined;
  }
}

async function claimsOf(token: string, key: Key): Promise<Claims | undefined> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms });
    const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a token says that a public key has signed it; it may say anything. */
export function isPublicKeyToken(token: string): boolean {
  return token.length <= maxTokenLength && headerOf(token) !== undefined;
}
