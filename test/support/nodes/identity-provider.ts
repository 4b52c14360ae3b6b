/** An identity provider: signs tokens, and serves its public keys over HTTP as long as it lives. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { CompactSign } from 'jose';
import { KeptPort } from './kept-port.js';

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface SigningKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function makeKey(kid: string, alg: Algorithm): SigningKey {
  const pair =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  return { kid, alg, ...pair };
}

/** The public part of a key, as a set has it. */
export function jwkOf({ kid, publicKey }: SigningKey, more: object = {}): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', ...more };
}

/** A token with these claims, and an end if they have none; `header` replaces what the key says of itself. */
export function signWith(key: SigningKey, claims: object, header: Record<string, unknown> = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return new CompactSign(Buffer.from(JSON.stringify(Array.isArray(claims) ? claims : { exp, ...claims })))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey);
}

export class IdentityProvider {
  /** What it serves. */
  keys: object[] = [];
  /** Another answer than the keys; undefined for none. */
  answer: { readonly status: number; readonly body: string } | undefined;
  /** Requests so far. */
  requests = 0;
  readonly #port = new KeptPort();

  get url(): string {
    return `http://127.0.0.1:${this.#port.port}/jwks.json`;
  }

  /** Begins to listen, on the port that it had before. */
  async start(): Promise<this> {
    const server = createServer((_, response) => {
      this.requests++;
      const { status = 200, body = JSON.stringify({ keys: this.keys }) } = this.answer ?? {};
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    });
    await this.#port.listen(server);
    return this;
  }

  /** Ends, with its connections. */
  stop(): Promise<void> {
    return this.#port.close();
  }
}
