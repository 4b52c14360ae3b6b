/**
 * Secrets that the server makes: API keys and refresh tokens. Their text is `<prefix>_<id>_<secret>`. The secret part has
 * 256 random bits, so one round of SHA-256 is enough to store it.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface NewSecret {
  /** Without meaning; may be shown and logged. */
  readonly id: string;
  /** What its holder shows; it is never stored. */
  readonly text: string;
  /** Of the secret part, in hexadecimal digits. */
  readonly hash: string;
}

export const keyPrefix = 'sk';
export const refreshPrefix = 'rt';

export function newSecret(prefix: string): NewSecret {
  const id = randomBytes(9).toString('hex');
  const secret = randomBytes(32).toString('hex');
  return { id, text: `${prefix}_${id}_${secret}`, hash: hashOf(secret) };
}

/** @returns Undefined for a text that is none of this prefix. */
export function readSecret(prefix: string, text: string): Pick<NewSecret, 'id' | 'hash'> | undefined {
  const [given, id = '', secret = '', ...rest] = text.length > 200 ? [] : text.split('_');
  if (given !== prefix || id === '' || secret === '' || rest.length > 0) return undefined;
  return { id, hash: hashOf(secret) };
}

/** Compares two hashes; the time says nothing about them. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
