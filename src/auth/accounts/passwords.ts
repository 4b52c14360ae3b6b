/** Passwords as hashes of scrypt: `scrypt$<log2 of the cost>$8$<parallelism>$<salt>$<hash>`, in base64url. */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

export interface PasswordCost {
  /** Base-2 logarithm of scrypt's N: memory is 1 KiB times N. */
  readonly cost: number;
  /** scrypt's p: time grows with it, memory does not. */
  readonly parallelism: number;
}

export const minPasswordLength = 8;
/** In bytes of UTF-8. */
export const maxPasswordBytes = 1_024;

const blockSize = 8;
const hashBytes = 32;
/** Hashes of other programs are not read, so that no stored text can make the server work for hours. */
const maxCost = 20;
const maxParallelism = 16;

/** Takes as long as the cost says: for the command line and for workers. */
export function hashPassword(password: string, { cost, parallelism }: PasswordCost): string {
  const salt = randomBytes(16);
  const hash = derive(password, salt, cost, parallelism);
  return `scrypt$${cost}$${blockSize}$${parallelism}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/** As `hashPassword`. @returns False also for a hash that can't be read. */
export function checkPassword(password: string, stored: string): boolean {
  const read = readHash(stored);
  if (read === undefined) return false;
  const hash = derive(password, read.salt, read.cost, read.parallelism);
  return hash.length === read.hash.length && timingSafeEqual(hash, read.hash);
}

/** A hash of nobody's password: checking against it takes the time of a real one. */
export function decoyHash({ cost, parallelism }: PasswordCost): string {
  const [salt, hash] = [randomBytes(16), randomBytes(hashBytes)].map((bytes) => bytes.toString('base64url'));
  return `scrypt$${cost}$${blockSize}$${parallelism}$${salt ?? ''}$${hash ?? ''}`;
}

/** Whether a hash was made with this cost. */
export function hasCost(stored: string, { cost, parallelism }: PasswordCost): boolean {
  const read = readHash(stored);
  return read?.cost === cost && read.parallelism === parallelism;
}

/** Why a password can't be chosen, as a sentence; undefined if it can. */
export function whyUnusable(password: string): string | undefined {
  if (password.length < minPasswordLength) return `a password needs at least ${minPasswordLength} characters`;
  if (Buffer.byteLength(password) > maxPasswordBytes) return `a password has at most ${maxPasswordBytes} bytes`;
  return undefined;
}

function readHash(stored: string) {
  const [kind, cost, block, parallelism, salt = '', hash = ''] = stored.split('$');
  const read = { cost: Number(cost), parallelism: Number(parallelism) };
  const isKnown = kind === 'scrypt' && Number(block) === blockSize && read.cost <= maxCost;
  if (!isKnown || !(read.cost >= 1) || !(read.parallelism >= 1) || read.parallelism > maxParallelism) return undefined;
  return { ...read, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

/** The same text in different forms of Unicode is the same password. */
function derive(password: string, salt: Buffer, cost: number, parallelism: number): Buffer {
  const N = 2 ** cost;
  return scryptSync(password.normalize('NFKC'), salt, hashBytes, {
    N,
    r: blockSize,
    p: parallelism,
    maxmem: 256 * N * blockSize,
  });
}
