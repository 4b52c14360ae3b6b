/** The variables about tokens of an identity provider. */
import { integer, text, webAddress, words } from '../kinds.js';
import { variable } from '../variable.js';

const path = text('the path of a file', /./);
const claim = text('the name of a claim, or a path such as user.id', /^\S{1,200}$/);

export const identityProvider = {
  jwksUrl: variable('JWT_JWKS_URL', webAddress(), {
    defaultWords: 'none',
    meaning:
      'Where the public keys of the identity provider are (JWKS). Its tokens (RS256, ES256, EdDSA) are accepted then. In production it must be https, except on this host.',
    example: 'https://login.example.com/.well-known/jwks.json',
  }),
  jwksFile: variable('JWT_JWKS_FILE', path, {
    defaultWords: 'none',
    meaning: 'The same keys in a file, read at start.',
    example: '/etc/synckit/jwks.json',
  }),
  publicKeyFile: variable('JWT_PUBLIC_KEY_FILE', path, {
    defaultWords: 'none',
    meaning: 'One public key, or a certificate with one, in PEM, read at start: RSA, EC P-256 or Ed25519.',
    example: '/etc/synckit/issuer.pem',
  }),
  jwksRefreshMs: variable('JWT_JWKS_REFRESH', integer(1_000, 86_400_000), {
    default: '600000',
    unit: 'ms',
    meaning:
      'Age at which the keys of JWT_JWKS_URL are fetched anew. A key id that is not among them makes the server fetch them at once, five times in a row and then every 10 s.',
  }),
  jwksStaleMs: variable('JWT_JWKS_STALE', integer(0, 604_800_000), {
    default: '3600000',
    unit: 'ms',
    meaning:
      'How long keys are used beyond JWT_JWKS_REFRESH while JWT_JWKS_URL does not answer. After that, tokens of the identity provider are refused with AUTH_UNAVAILABLE.',
  }),
  issuers: variable('JWT_ISSUER', words(), {
    default: '',
    meaning:
      'Issuers (`iss`) whose tokens are accepted, separated by commas. None: every issuer that has a key. Tokens that the server signs itself name the first.',
    example: 'https://login.example.com/',
  }),
  audiences: variable('JWT_AUDIENCE', words(), {
    default: '',
    meaning:
      'Audiences (`aud`), separated by commas; a token must name one of them. None: `aud` is not looked at, and tokens that were issued for other applications of the provider are accepted too.',
    example: 'synckit',
  }),
  clockToleranceMs: variable('JWT_CLOCK_TOLERANCE', integer(0, 600_000), {
    defaultWords: '5000 where tokens of an identity provider are accepted, otherwise 0',
    unit: 'ms',
    meaning: 'By how much the clock of who issues tokens may differ from ours: for `exp`, `nbf` and `iat`.',
  }),
  userClaim: variable('JWT_USER_CLAIM', claim, {
    defaultWords: '`userId`, or `sub` where that is missing',
    meaning: 'The claim that holds the user: a text of 1–256 characters.',
    example: 'email',
  }),
  permissionsClaim: variable('JWT_PERMISSIONS_CLAIM', claim, {
    default: 'permissions',
    meaning:
      'The claim that holds the permissions: an object `{canRead, canWrite, canAdmin, isAdmin}`, or scopes such as `read:team-1:* write:doc admin` as a list or as one text.',
    example: 'scope',
  }),
};

/** Whether tokens of an identity provider are accepted. */
export function hasIdentityProvider({
  jwksUrl,
  jwksFile,
  publicKeyFile,
}: Readonly<Record<'jwksUrl' | 'jwksFile' | 'publicKeyFile', string | undefined>>): boolean {
  return jwksUrl !== undefined || jwksFile !== undefined || publicKeyFile !== undefined;
}
