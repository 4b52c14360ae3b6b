/** The part of a node that knows who may do what: puts accounts, keys, tokens and their storage together. */
import { customerOf } from '../acceptor/addresses/spelling.js';
import type { LiveIdentity } from '../acceptor/session/live-identities.js';
import type { DecideAccess } from '../acceptor/session/authentication.js';
import { AccessCache } from '../auth/access/access-cache.js';
import { AccessClient } from '../auth/access/access-client.js';
import { SessionAccess } from '../auth/access/session-access.js';
import { Accounts } from '../auth/accounts/accounts.js';
import { AuditLog } from '../auth/audit.js';
import { RefusalSampler } from '../auth/refusal-sampler.js';
import { Authenticator } from '../auth/authenticator.js';
import { Directory } from '../auth/accounts/directory.js';
import type { Order } from '../auth/accounts/orders.js';
import { PasswordPool } from '../auth/accounts/password-pool.js';
import { SignIn } from '../auth/accounts/sign-in.js';
import { SignInThrottle, type ThrottleState } from '../auth/accounts/throttle.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import type { AccountStore } from '../storage/accounts/port.js';
import { Recheck } from './recheck.js';

export interface NodeAuthOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: AcceptorMetrics;
  readonly throttle: ThrottleState;
  /** The identities of all open sessions, and what to do when one counts no more, or differently. */
  readonly sessions: () => Iterable<LiveIdentity>;
  readonly onOrder: (order: Order) => void;
}

/** What works once the storage is open. */
export interface AuthServices {
  readonly store: AccountStore;
  readonly accounts: Accounts;
  readonly signIn: SignIn;
}

const sweepMs = 3_600_000;

export class NodeAuth {
  readonly authenticator: Authenticator;
  readonly directory: Directory;
  readonly passwords: PasswordPool;
  /** Undefined without ACCESS_URL. */
  readonly decide: DecideAccess | undefined;
  readonly #access: AccessCache | undefined;
  readonly #client: AccessClient | undefined;
  readonly #options: NodeAuthOptions;
  readonly #refusals: RefusalSampler;
  #audit: AuditLog;
  #services: AuthServices | undefined;
  #sweeps: NodeJS.Timeout | undefined;

  /** @throws Error that names the variable, when a file with keys can't be read. */
  constructor(options: NodeAuthOptions) {
    this.#options = options;
    const { config, log, metrics } = options;
    const { auth } = config;
    this.#refusals = new RefusalSampler(auth.auditRefusalsPerSecond, () => {
      metrics.auditSkipped.add(1);
    });
    this.#audit = new AuditLog(log, undefined, this.#refusals);
    this.passwords = new PasswordPool(auth.passwords);
    if (auth.access !== undefined) {
      const onCalled = (result: string): void => {
        metrics.accessCalls(result).add(1);
      };
      const client = (this.#client = new AccessClient({ ...auth.access, log, onCalled }));
      const cache = (this.#access = new AccessCache({ ...auth.access, ask: (question) => client.ask(question) }));
      this.decide = ({ userId, claims }, address, token, uses) =>
        new SessionAccess({ cache, subject: { userId, claims, address }, token, ...uses });
    }
    const recheck = new Recheck({
      sessions: options.sessions,
      account: (id) => this.directory.account(id),
      recheck: (identity, changed) => this.authenticator.recheck(identity, changed),
    });
    this.directory = new Directory({
      pollMs: auth.pollMs,
      log,
      onChanged: (changed) => {
        for (const change of changed.access) this.#access?.refresh(change);
        recheck.check(changed).catch((error: unknown) => {
          log.error({ err: error }, 'sessions could not be checked again');
        });
      },
      onOrder: options.onOrder,
      onPollFailed: () => {
        metrics.authPollFailures.add(1);
      },
    });
    this.authenticator = new Authenticator({
      secret: config.jwtSecret,
      config: auth,
      directory: this.directory,
      maxVerifications: config.maxVerifications,
      maxKnownTokens: config.maxKnownTokens,
      log,
      onKeysFetched: (result) => {
        metrics.keyFetches(result).add(1);
      },
    });
  }

  /** Answers of the application that are kept. */
  get accessAnswers(): number {
    return this.#access?.size ?? 0;
  }

  /** By how much answers in use are older than they should be. */
  get accessLagMs(): number {
    return this.#access?.lagMs ?? 0;
  }

  readonly writeAudit: AuditLog['write'] = (event, details) => {
    this.#audit.write(event, details);
  };

  get audit(): AuditLog {
    return this.#audit;
  }

  /** Undefined until it is started. */
  get services(): AuthServices | undefined {
    return this.#services;
  }

  /** Opens the storage of accounts, which must have its schema already. */
  async start(): Promise<void> {
    const { config, log, metrics, throttle } = this.#options;
    const { auth } = config;
    const store = await openAccounts(config);
    await this.directory.start(store);
    const auditStore = auth.auditKeepMs === undefined ? undefined : store;
    this.#audit = new AuditLog(log, auditStore, this.#refusals, () => {
      metrics.auditDropped.add(1);
    });
    const { directory, passwords, audit } = this;
    const accounts = new Accounts({
      store,
      hash: (password) => passwords.hash(password),
      maxKeys: auth.maxKeys,
      maxRevocations: auth.maxRevocations,
      onChanged: () => directory.refresh(),
    });
    const signIn = new SignIn({
      store,
      directory,
      passwords,
      throttle: new SignInThrottle(throttle, customerOf),
      audit,
      secret: config.jwtSecret,
      rules: auth.rules,
      accessLifetimeMs: config.tokenLifetimeMs,
      refreshLifetimeMs: auth.refreshLifetimeMs,
      graceMs: auth.refreshGraceMs,
    });
    this.#services = { store, accounts, signIn };
    this.#sweeps = setInterval(() => void this.#sweep(store), sweepMs);
    if (config.environment === 'production' && config.authRequired) await this.#sayHowToBegin(store);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeps);
    await this.directory.close();
    await this.#audit.close();
    await this.passwords.close();
    this.#access?.close();
    await this.#client?.close();
    await this.#services?.store.close();
  }

  async #sayHowToBegin(store: AccountStore): Promise<void> {
    const { config, log } = this.#options;
    if (config.auth.publicKeys !== undefined || this.directory.keys > 0) return;
    if ((await store.listAccounts('', 1)).length > 0) return;
    log.warn(
      'There is no user and no API key yet. Add one with `synckit-server user add EMAIL --admin` or `synckit-server key add NAME`, sign tokens with JWT_SECRET, or name the keys of an identity provider in JWT_JWKS_URL: see docs/authentication.md.',
    );
  }

  async #sweep(store: AccountStore): Promise<void> {
    const now = Date.now();
    this.directory.sweep(now);
    try {
      await store.sweep(now, now - (this.#options.config.auth.auditKeepMs ?? 0));
    } catch (error) {
      this.#options.log.warn({ err: error }, 'ended sign-ins could not be removed from the storage');
    }
  }
}

/** The accounts of a storage. The schema of a database must be there. */
export async function openAccounts({ storage, auth }: Pick<Config, 'storage' | 'auth'>): Promise<AccountStore> {
  switch (storage.kind) {
    case 'postgres': {
      const { openPostgresAccounts } = await import('../storage/postgres/accounts.js');
      return openPostgresAccounts({
        url: storage.url,
        minConnections: 0,
        maxConnections: auth.connections,
        statementTimeoutMs: storage.statementTimeoutMs,
      });
    }
    case 'embedded': {
      const { openLmdbAccounts } = await import('../storage/lmdb/accounts.js');
      return openLmdbAccounts(storage.directory);
    }
    case 'memory': {
      const { openMemoryAccounts } = await import('../storage/accounts/memory.js');
      return openMemoryAccounts();
    }
  }
}
