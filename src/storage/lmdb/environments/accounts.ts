/**
 * The environment of the accounts, in the layout of accounts/key-value.ts: keys are texts, values are msgpack. Here the
 * entries are read as bytes, as they lie in the file.
 */

import { CorruptEntry, decodeFormat } from '../format.js';
import type { EntryReader, Environment } from './environment.js';
import { areTexts, isNumber, isObject, partsOf, unpack, type Value } from './packed.js';

const formatKey = Buffer.from('format');

export const accounts: Environment = {
  name: 'accounts',
  folder: 'accounts',
  formatKey,
  formatVersion: 1,
  counted: {
    accounts: 'accounts',
    keys: 'API keys',
    revocations: 'revocations',
    tokens: 'refresh tokens',
    audits: 'audit lines',
  },
  unit: 'entry',
  nameOf,
  newReader: () => new AccountReader(),
  beginAnew: 'To begin without accounts, API keys and revocations, remove this folder.',
};

/** What an entry must be, by the kind in its key, and what it counts as. */
const kinds: Readonly<
  Record<
    string,
    { readonly count?: keyof AccountReader['counts']; readonly isSound: (rest: string, v: Value) => boolean }
  >
> = {
  account: {
    count: 'accounts',
    isSound: (id, { id: own, email, passwordHash, permissions }) =>
      own === id && areTexts(email, passwordHash) && isObject(permissions),
  },
  key: {
    count: 'keys',
    isSound: (id, { id: own, name, hash, permissions }) => own === id && areTexts(name, hash) && isObject(permissions),
  },
  revocation: {
    count: 'revocations',
    isSound: (name, { kind, id, at }) => areTexts(kind, id) && `${String(kind)}:${String(id)}` === name && isNumber(at),
  },
  refresh: {
    count: 'tokens',
    isSound: (id, { id: own, familyId, accountId, hash, expiresAt }) =>
      own === id && areTexts(familyId, accountId, hash) && isNumber(expiresAt),
  },
  change: { isSound: (_, { at, change }) => isNumber(at) && isObject(change) },
  audit: { count: 'audits', isSound: (_, { at, event, details }) => isNumber(at) && areTexts(event, details) },
};

/** Kinds whose values are ids: they lead to an entry of another kind. */
const indices = new Set(['email', 'family', 'owner']);

class AccountReader implements EntryReader {
  readonly counts = { accounts: 0, keys: 0, revocations: 0, tokens: 0, audits: 0 };
  version: number | undefined;

  read(key: Buffer, value: Buffer): void {
    if (key.equals(formatKey)) {
      this.version = decodeFormat(value);
      return;
    }
    const [name, rest] = partsOf(key);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    const content = unpack(value);
    const isSound =
      kind !== undefined && rest !== undefined
        ? isObject(content) && kind.isSound(rest, content)
        : indices.has(name)
          ? areTexts(content)
          : name === 'changes' && Number.isSafeInteger(content);
    if (!isSound) throw new CorruptEntry('it is not what this server writes');
    if (kind?.count !== undefined) this.counts[kind.count]++;
  }
}

/** Without emails, and without ids that a token begins with. */
function nameOf(key: Buffer): string {
  const [kind, rest = ''] = partsOf(key);
  if (kind === 'account' || kind === 'key' || kind === 'revocation') return `${kind} ${JSON.stringify(rest)}`;
  return `an entry ${JSON.stringify(Object.hasOwn(kinds, kind) || indices.has(kind) ? kind : '')}`;
}
