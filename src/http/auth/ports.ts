/** What the routes about accounts need from the node. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Accounts } from '../../auth/accounts/accounts.js';
import type { AuditLog } from '../../auth/audit.js';
import type { Authenticator } from '../../auth/authenticator.js';
import type { SignIn } from '../../auth/accounts/sign-in.js';
import type { Config } from '../../config/load.js';
import type { Logger } from '../../log.js';
import type { AccountStore } from '../../storage/accounts/port.js';
import type { AdminDeps } from '../admin/ports.js';
import type { HttpDeps } from '../ports.js';

export interface AuthServices {
  readonly store: AccountStore;
  readonly accounts: Accounts;
  readonly signIn: SignIn;
}

export interface AuthHttpDeps {
  readonly config: Pick<
    Config,
    'corsOrigins' | 'isOpenByDefault' | 'auth' | 'jwtSecret' | 'tokenLifetimeMs' | 'maxHttpBodyParts'
  >;
  readonly log: Logger;
  readonly authenticator: Authenticator;
  readonly audit: () => AuditLog;
  /** Undefined while the node starts. */
  readonly services: () => AuthServices | undefined;
  /** The address of the client, behind trusted proxies. */
  readonly addressOf: (response: HttpResponse, request: HttpRequest) => string;
  /** For administrators. */
  readonly node: AdminDeps;
  readonly refusalOf: HttpDeps['refusalOf'];
  /** A connection is closed whose body comes in too many parts. */
  readonly refuseParts: (address: string) => void;
  /** Whether the node is shutting down; then connections are not kept alive. */
  readonly draining: () => boolean;
}
