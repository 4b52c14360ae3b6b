/** Puts together what checks the credentials of clients. */
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AuthConfig, PublicKeysConfig } from '../config/load.js';
import type { CredentialVerifier } from './identity.js';
import { readJwks, readPem, type KeySet } from './key-set.js';
import { isPublicKeyToken, PublicKeyVerifier, type KeySource } from './public-key-tokens.js';
import { RemoteJwks } from './remote-jwks.js';
import { createTokenVerifier } from './tokens.js';

export interface AuthenticatorOptions {
  /** At least 32 characters. */
  readonly secret: string;
  readonly config: Pick<AuthConfig, 'previousSecret' | 'publicKeys' | 'rules'>;
  /** Verifications with public keys at a time. */
  readonly maxVerifications: number;
  readonly log: Logger;
  /** The keys of the identity provider were fetched, or could not be. */
  readonly onKeysFetched: (result: 'fetched' | 'failed') => void;
}

/** Checks tokens of every kind. */
export class Authenticator implements CredentialVerifier {
  readonly #secrets: ReturnType<typeof createTokenVerifier>;
  /** Undefined without an identity provider. */
  readonly #publicKeys: PublicKeyVerifier | undefined;

  /** @throws Error that names the variable, when a file with keys can't be read. */
  constructor({ secret, config, maxVerifications, log, onKeysFetched }: AuthenticatorOptions) {
    const { previousSecret, publicKeys, rules } = config;
    this.#secrets = createTokenVerifier({ secret, previousSecret, rules });
    if (publicKeys === undefined) return;
    const sources = keySources(publicKeys, log, onKeysFetched);
    this.#publicKeys = new PublicKeyVerifier({ sources, rules, maxInProgress: maxVerifications });
  }

  /** Verifications that are not done yet. */
  get inProgress(): number {
    return this.#publicKeys?.inProgress ?? 0;
  }

  /** What a token says of itself decides only which keys are tried: each fits tokens of its own kind alone. */
  verify(token: string): ReturnType<CredentialVerifier['verify']> {
    if (this.#publicKeys !== undefined && isPublicKeyToken(token)) return this.#publicKeys.verify(token);
    return this.#secrets.verify(token);
  }
}

function keySources(
  { publicKeyFile, jwksFile, jwksUrl, jwksRefreshMs, jwksStaleMs }: PublicKeysConfig,
  log: Logger,
  onKeysFetched: AuthenticatorOptions['onKeysFetched'],
): KeySource[] {
  const sources: KeySource[] = [];
  if (publicKeyFile !== undefined) sources.push(constant(readKeys('JWT_PUBLIC_KEY_FILE', publicKeyFile, readPem)));
  if (jwksFile !== undefined) sources.push(constant(readKeys('JWT_JWKS_FILE', jwksFile, readJwks)));
  if (jwksUrl !== undefined) {
    const remote = new RemoteJwks({
      url: jwksUrl,
      refreshMs: jwksRefreshMs,
      staleMs: jwksStaleMs,
      onFetched: (result) => {
        onKeysFetched(result.ok ? 'fetched' : 'failed');
        if (!result.ok) log.warn({ reason: result.reason }, 'the keys of the identity provider could not be fetched');
      },
    });
    // The first client should not wait for it.
    void remote.keysFor(undefined);
    sources.push((kid) => remote.keysFor(kid));
  }
  return sources;
}

function constant(keys: KeySet): KeySource {
  return () => keys;
}

function readKeys(variable: string, path: string, read: (text: string) => KeySet): KeySet {
  try {
    return read(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${variable} can't be used: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
