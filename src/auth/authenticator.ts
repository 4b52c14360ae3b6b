/** Puts together what checks the credentials of clients. */
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AuthConfig, PublicKeysConfig } from '../config/load.js';
import { Admission } from './admission.js';
import { failed, type CredentialVerifier, type Identity, type Verified } from './identity.js';
import type { Changed, Directory } from './accounts/directory.js';
import { readJwks, readPem, type KeySet } from './tokens/key-set.js';
import { isPublicKeyToken, PublicKeyVerifier, type KeySource } from './tokens/public-key-tokens.js';
import { RemoteJwks } from './tokens/remote-jwks.js';
import { keyPrefix } from './accounts/secrets.js';
import { createTokenVerifier } from './tokens/tokens.js';

export interface AuthenticatorOptions {
  /** At least 32 characters. */
  readonly secret: string;
  readonly config: Pick<AuthConfig, 'previousSecret' | 'publicKeys' | 'rules'>;
  readonly directory: Directory;
  /** Verifications with public keys, and look-ups of accounts, at a time. */
  readonly maxVerifications: number;
  /** Tokens whose check is remembered. */
  readonly maxKnownTokens: number;
  readonly log: Logger;
  /** The keys of the identity provider were fetched, or could not be. */
  readonly onKeysFetched: (result: 'fetched' | 'failed') => void;
}

/** Checks tokens of every kind, and API keys. */
export class Authenticator implements CredentialVerifier {
  readonly #secrets: ReturnType<typeof createTokenVerifier>;
  /** Undefined without an identity provider. */
  readonly #publicKeys: PublicKeyVerifier | undefined;
  readonly #admission: Admission;

  /** @throws Error that names the variable, when a file with keys can't be read. */
  constructor({ secret, config, directory, maxVerifications, maxKnownTokens, ...options }: AuthenticatorOptions) {
    const { log, onKeysFetched } = options;
    const { previousSecret, publicKeys, rules } = config;
    this.#secrets = createTokenVerifier({ secret, previousSecret, rules, maxKnown: maxKnownTokens });
    this.#admission = new Admission(directory, maxVerifications, log);
    if (publicKeys === undefined) return;
    const sources = keySources(publicKeys, log, onKeysFetched);
    this.#publicKeys = new PublicKeyVerifier({ sources, rules, maxInProgress: maxVerifications });
  }

  /** Verifications that are not done yet. */
  get inProgress(): number {
    return (this.#publicKeys?.inProgress ?? 0) + this.#admission.inProgress;
  }

  /** Tokens whose check is remembered. */
  get knownTokens(): number {
    return this.#secrets.known();
  }

  /** What a token says of itself decides only which keys are tried: each fits tokens of its own kind alone. */
  verify(token: string): ReturnType<CredentialVerifier['verify']> {
    if (token.startsWith(`${keyPrefix}_`)) return this.#admission.key(token);
    if (this.#publicKeys === undefined || !isPublicKeyToken(token)) {
      return this.#admission.admit(this.#secrets.verify(token));
    }
    return this.#publicKeys.verify(token).then(
      (verified) => this.#admission.admit(verified),
      () => failed,
    );
  }

  verifyKey(key: string): Verified {
    return this.#admission.key(key);
  }

  /** What counts for an identity after a change; undefined when nothing has changed for it. */
  recheck(identity: Identity, changed: Changed): Verified | undefined {
    return this.#admission.recheck(identity, changed);
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
