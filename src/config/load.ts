/**
 * Loads the configuration: reads the environment once, at start, and checks it as a whole. The variables are defined in
 * config/table.ts.
 */
import { checks } from './checks.js';
import { derive, type Derived, type Values } from './derive.js';
import { duration } from './kinds.js';
import { variables } from './variables/table.js';
import { unknownVariables } from './unknown.js';
import type { Variable } from './variable.js';

export type { AuthConfig, ClaimRules, PublicKeysConfig } from './auth.js';
export type { ChangesConfig, WebhookConfig } from './changes.js';
export type { AddressLimit, StorageConfig } from './derive.js';
export { configReference, envExample } from './reference.js';

/** Variables that are not in `Config`: their values are part of a derived one, or nothing uses them in this version. */
const hidden = [
  'databaseUrl',
  'dataDirectory',
  'storageMapBytes',
  'dbPoolMin',
  'dbPoolMax',
  'dbConnectTimeoutMs',
  'dbStatementTimeoutMs',
  'dbAutoMigrate',
  'redisUrl',
  'redisChannelPrefix',
  'redisCluster',
  'jwtPreviousSecret',
  'jwksUrl',
  'jwksFile',
  'publicKeyFile',
  'jwksRefreshMs',
  'jwksStaleMs',
  'issuers',
  'audiences',
  'clockToleranceMs',
  'userClaim',
  'permissionsClaim',
  'redisSentinels',
  'redisSentinelMaster',
  'redisSentinelPassword',
  'refreshLifetimeMs',
  'allowTokensWithoutExpiry',
  'refreshGraceMs',
  'authPollMs',
  'maxApiKeys',
  'maxRevocations',
  'passwordCost',
  'passwordParallelism',
  'passwordThreads',
  'maxPasswordChecks',
  'authDbConnections',
  'demoAuth',
  'auditRefusals',
  'auditTable',
  'auditKeepMs',
  'accessUrl',
  'accessSecret',
  'accessTimeoutMs',
  'accessTtlMs',
  'accessRecheckMs',
  'accessRechecksPerSecond',
  'accessWhenAway',
  'accessStaleMs',
  'accessMaxCalls',
  'accessMaxAnswers',
  'validateUrl',
  'validateSecret',
  'validatePrefixes',
  'validateTimeoutMs',
  'validateMaxCalls',
  'validateMaxWaiting',
  'validateWhenAway',
  'maxConnectionsPerIp',
  'maxHandshakesPerSecond',
  'maxHttpRequestsPerSecond',
  'maxUnauthenticated',
  'maxSocketCount',
  'hostAddress',
  'changesFeed',
  'maxChangeAgeMs',
  'maxChangeEntries',
  'webhookUrl',
  'webhookSecret',
  'webhookEvents',
  'webhookDebounceMs',
  'webhookMaxWaitMs',
  'webhookTimeoutMs',
  'webhookConcurrency',
  'webhookMaxAttempts',
  'webhookRetryMs',
  'maxWebhookPending',
  'maxWebhookDead',
  'webhookLeaseMs',
  'tlsCertFile',
  'tlsKeyFile',
  'corsOriginList',
  'corsOrigin',
] as const satisfies readonly (keyof Values)[];

type Hidden = (typeof hidden)[number];

/**
 * The configuration of the server. Plain frozen data, so that it can be passed to worker threads. Names end in their
 * unit; config/table.ts describes each value.
 */
export interface Config extends Omit<Values, Hidden | keyof Derived>, Derived {}

/** One or more variables are invalid. The message has a line for each and contains no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  /** @param problems Sentences, each with the names of its variables. */
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Loads the configuration. An empty variable counts as not set.
 *
 * @throws {ConfigError} with all problems, not only the first.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const bad = new Set<string>();
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries<Variable>(variables)) {
    const read = readVariable(variable, env[variable.name]);
    if (read.ok) {
      values[key] = read.value;
    } else {
      bad.add(key);
      problems.push(read.problem);
    }
  }
  // The cast is safe: a check runs only if all of its variables were read, the rest only if all variables were.
  const complete = values as unknown as Values;
  for (const { of, refuses, sentence } of checks) {
    if (!of.some((key) => bad.has(key)) && refuses(complete)) problems.push(sentence(complete));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const notices = unknownVariables(env, Object.values<Variable>(variables));
  const derived = derive(complete, env);
  return freeze({ ...visible(complete), ...derived, notices: [...derived.notices, ...notices] });
}

/** Parses a length of time such as 24h or 7d. @returns Milliseconds; undefined if the text is none. */
export function readDuration(text: string): number | undefined {
  const result = duration().schema.safeParse(text);
  return result.success ? result.data : undefined;
}

type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

function readVariable(variable: Variable, given: string | undefined): Read {
  const text = given?.trim() ?? '';
  const source = text === '' ? variable.default : variable.kind.verbatim === true ? given : text;
  if (source === undefined) return { ok: true, value: undefined };
  const result = variable.kind.schema.safeParse(source);
  if (result.success) return { ok: true, value: result.data };
  const hasPassword = /\/\/[^/?#]*@/.test(source);
  const shown = variable.secret === true || hasPassword ? '' : `, not ${JSON.stringify(shorten(source))}`;
  return { ok: false, problem: `${variable.name} must be ${variable.kind.words}${shown}` };
}

function visible(values: Values): Omit<Values, Hidden> {
  const entries = Object.entries(values).filter(([key]) => !(hidden as readonly string[]).includes(key));
  return Object.fromEntries(entries) as unknown as Omit<Values, Hidden>;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) freeze(inner as object);
  }
  return Object.freeze(value);
}
