/** Who a connection or a request belongs to, and how that was found out. */
import type { ErrorCode } from '../errors.js';
import type { Permissions } from './permissions.js';

/** The claims of a token, as they came. */
export type Claims = Readonly<Record<string, unknown>>;

/** What an identity rests on: when it is revoked, the identity ends. */
export type Basis =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'token';
      /** Names the token in revocations: its `jti`, or a hash of it. */
      readonly tokenId: string;
      /** When it was issued, in ms since the epoch; undefined if it does not say. */
      readonly issuedAt: number | undefined;
    }
  /** A token of our own sign-in: what counts is what the account says now. */
  | {
      readonly kind: 'account';
      readonly tokenId: string;
      readonly issuedAt: number | undefined;
      readonly accountId: string;
      /** The family of refresh tokens that the sign-in began. */
      readonly familyId: string;
    }
  | { readonly kind: 'key'; readonly keyId: string };

/** The user of a connection. */
export interface Identity {
  /** 1–256 characters. */
  readonly userId: string;
  readonly permissions: Permissions;
  /** When it ends, in ms since the epoch; undefined if never. */
  readonly expiresAt?: number;
  /** Undefined where it does not matter, as in tests. */
  readonly basis?: Basis;
  /** Of its token; for the application that decides about access. */
  readonly claims?: Claims;
}

/** Why a credential is refused. */
export type Refusal = Extract<
  ErrorCode,
  'AUTH_FAILED' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'ACCESS_ENDED' | 'AUTH_UNAVAILABLE'
>;

/** The identity of a valid credential, or why it is refused. */
export type Verified =
  { readonly ok: true; readonly identity: Identity } | { readonly ok: false; readonly code: Refusal };

export const failed: Verified = Object.freeze({ ok: false, code: 'AUTH_FAILED' });
export const expired: Verified = Object.freeze({ ok: false, code: 'TOKEN_EXPIRED' });
export const unavailable: Verified = Object.freeze({ ok: false, code: 'AUTH_UNAVAILABLE' });

/** The identity of clients without a token, where authentication is not required: may read and write all documents. */
export const anonymousIdentity: Identity = Object.freeze({
  userId: 'anonymous',
  permissions: Object.freeze({ canRead: Object.freeze(['*']), canWrite: Object.freeze(['*']), isAdmin: false }),
});

/** Checks what clients show. A promise is returned only where something has to be asked or computed elsewhere. */
export interface CredentialVerifier {
  /** Never throws or rejects, whatever the text. */
  readonly verify: (token: string) => Verified | Promise<Verified>;
  /** The same for API keys. */
  readonly verifyKey?: (key: string) => Verified | Promise<Verified>;
}
