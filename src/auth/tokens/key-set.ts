/** The public keys that the tokens of an identity provider are checked with. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, errors, type CryptoKey, type CompactJWSHeaderParameters } from 'jose';
import { z } from 'zod';

/** The algorithms of tokens with a public key. Each key fits those of its own kind only. */
export const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

export type Key = CryptoKey | KeyObject;

/** The keys at one time. */
export interface KeySet {
  /** Whether one of the keys has this id. */
  has(kid: string): boolean;
  /** The keys that a token with this header may be signed with; usually one. */
  candidates(header: CompactJWSHeaderParameters): Promise<Key[]>;
}

/** Most keys of a set, and most that a token without `kid` is tried with. */
const maxKeys = 100;
const maxCandidates = 8;

/** Keys of other kinds, such as a symmetric one, are left out: a set may have keys for other purposes. */
const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(maxKeys) });
const kinds = new Set(['RSA', 'EC', 'OKP']);

/**
 * Reads a JWK set.
 *
 * @throws Error with a reason for operators, when the text is none or has no key for signatures.
 */
export function readJwks(text: string): KeySet {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON');
  }
  const read = jwksSchema.safeParse(json);
  if (!read.success) throw new Error(`it is no JWK set: an object with at most ${maxKeys} keys`);
  const keys = read.data.keys.filter(({ kty, ...key }) => kinds.has(kty) && key['use'] !== 'enc').map(publicPart);
  if (keys.length === 0) throw new Error('it has no public key for signatures');
  const kids = new Set(keys.map(({ kid }) => kid).filter((kid) => typeof kid === 'string'));
  const find = createLocalJWKSet({ keys });
  return {
    has: (kid) => kids.has(kid),
    candidates: async (header) => {
      try {
        return [await find(header)];
      } catch (error) {
        if (error instanceof errors.JWKSMultipleMatchingKeys) return several(error);
        // No key fits, or the one that fits is none.
        return [];
      }
    },
  };
}

/** The private part of a key has no business here. */
function publicPart(key: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(key).filter(([name]) => !['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(name)));
}

async function several(error: errors.JWKSMultipleMatchingKeys): Promise<Key[]> {
  const found: Key[] = [];
  for await (const key of error) {
    found.push(key);
    if (found.length === maxCandidates) break;
  }
  return found;
}

/**
 * Reads one public key, or a certificate with one, in PEM. It fits whatever `kid` a token names.
 *
 * @throws Error with a reason for operators.
 */
export function readPem(text: string): KeySet {
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    throw new Error('it has no public key in PEM');
  }
  const fitting = algorithmsOf(key);
  if (fitting === undefined) throw new Error('its key must be RSA of at least 2048 bits, EC P-256 or Ed25519');
  return {
    has: () => true,
    candidates: ({ alg }) => Promise.resolve(fitting.includes(alg) ? [key] : []),
  };
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] | undefined {
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 ? ['RS256'] : undefined;
    case 'ec':
      return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? ['ES256'] : undefined;
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    default:
      return undefined;
  }
}
