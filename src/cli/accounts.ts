/** The commands that manage accounts, API keys and revocations. Running nodes follow within a second or so. */
import { Accounts } from '../auth/accounts/accounts.js';
import { AuditLog, type AuditDetails, type AuditEvent } from '../auth/audit.js';
import { tokenName } from '../auth/tokens/claims.js';
import { hashPassword } from '../auth/accounts/passwords.js';
import type { Permissions } from '../auth/permissions.js';
import { newPassword, readPassword } from './password.js';
import { durationOf, list, print, UsageError, withoutStack, wordsAndOptions, type Command } from './tools.js';
import { loadConfig, type Config } from '../config/load.js';
import { createLogger } from '../log.js';
import type { Account, ApiKey, StoredPermissions } from '../storage/accounts/port.js';
import { checkSchema } from '../storage/postgres/migrate.js';

const userHelp = `synckit-server user <command>: accounts with a password

  add EMAIL       add a user; the password is asked for, or read from standard input
    --generate      make a password and print it
    --read LIST     documents it may read, separated by commas: ids, beginnings
                    such as team-1:*, * for all; with ! in front: not those
    --write LIST    documents it may write
    --manage LIST   documents it may manage: their snapshots and deletion
    --admin         grant everything, and the administration of users
  list            list the users
  show USER       show one
  passwd USER     set the password and end all sign-ins; --generate as above
  disable USER    let the user in no more, and end the open connections
  enable USER     let the user in again
  grant USER      grant documents: --read, --write, --manage and --admin as above
  revoke USER     take grants back: the same options
  remove USER     remove the user

USER is an email or an id. DATABASE_URL or SYNCKIT_DATA_DIR must be those of the
server, which may be running.`;

const keyHelp = `synckit-server key <command>: API keys, for programs

  add NAME        add a key and print it; it can't be shown again
    --read LIST     documents it may read, separated by commas: ids, beginnings
                    such as team-1:*, * for all; with ! in front: not those
    --write LIST    documents it may write
    --manage LIST   documents it may manage
    --admin         grant everything, and the administration of users
    --expires TIME  lifetime, such as 24h or 90d (default: for ever)
  list            list the keys, without their secrets
  revoke ID       revoke a key, and end the open connections with it

DATABASE_URL or SYNCKIT_DATA_DIR must be those of the server.`;

const revokeHelp = `synckit-server revoke-token: revoke tokens before they expire

  --token TOKEN   this token; - reads it from standard input
  --id ID         the token with this jti
  --user ID       every token that this user was issued until now

Open connections with it end. DATABASE_URL or SYNCKIT_DATA_DIR must be those of
the server.`;

const grantOptions = {
  read: { type: 'string' },
  write: { type: 'string' },
  manage: { type: 'string' },
  admin: { type: 'boolean' },
} as const;

interface Granted {
  readonly read?: string | undefined;
  readonly write?: string | undefined;
  readonly manage?: string | undefined;
  readonly admin?: boolean | undefined;
}

/** What a command works with. */
interface Work {
  readonly accounts: Accounts;
  readonly audit: (event: AuditEvent, details: AuditDetails) => void;
}

export const accountCommands: Readonly<Record<string, Command>> = {
  user: { help: userHelp, run: (args) => subcommand('user', users, args) },
  key: { help: keyHelp, run: (args) => subcommand('key', keys, args) },
  'revoke-token': { help: revokeHelp, run: revokeToken },
};

type Subcommands = Readonly<Record<string, (args: string[]) => Promise<void>>>;

const users: Subcommands = {
  async add(args) {
    const known = { ...grantOptions, generate: { type: 'boolean' } } as const;
    const { values, words } = wordsAndOptions(args, known, ['EMAIL']);
    const password = await passwordOf(values.generate);
    await withAccounts(async ({ accounts, audit }) => {
      const account = await accounts.add(words[0] ?? '', password, permissionsOf(values));
      audit('user_added', { target: account.id, change: { email: account.email, permissions: account.permissions } });
      print(`${account.id} ${account.email}`, ...(values.generate === true ? [password] : []));
    });
  },

  async list(args) {
    wordsAndOptions(args, {}, []);
    await withAccounts(async ({ accounts }) => {
      for (let after = ''; ;) {
        const some = await accounts.list(after, 100);
        for (const account of some) print(lineOf(account));
        const last = some.at(-1);
        if (last === undefined) return;
        after = last.email;
      }
    });
  },

  async show(args) {
    await withUser(args, {}, async ({ accounts }, who) => {
      const { id, email, isDisabled, permissions, createdAt } = await accounts.find(who);
      const shown = { id, email, disabled: isDisabled, permissions, createdAt: new Date(createdAt).toISOString() };
      print(JSON.stringify(shown, undefined, 2));
    });
  },

  async passwd(args) {
    const { values, words } = wordsAndOptions(args, { generate: { type: 'boolean' } }, ['USER']);
    const password = await passwordOf(values.generate);
    await withAccounts(async ({ accounts, audit }) => {
      const { id } = await accounts.setPassword(words[0] ?? '', password);
      audit('user_changed', { target: id, change: { passwordSet: true } });
      print('The password is set; all sign-ins have ended.', ...(values.generate === true ? [password] : []));
    });
  },

  disable: (args) => setDisabled(args, true),
  enable: (args) => setDisabled(args, false),

  async grant(args) {
    await withUser(args, grantOptions, async ({ accounts, audit }, who, values) => {
      const change = grantsOf(values);
      const account = await accounts.grant(who, change);
      audit('user_granted', { target: account.id, change });
      print(lineOf(account));
    });
  },

  async revoke(args) {
    await withUser(args, grantOptions, async ({ accounts, audit }, who, values) => {
      const change = grantsOf(values);
      const account = await accounts.ungrant(who, change);
      audit('user_ungranted', { target: account.id, change });
      print(lineOf(account));
    });
  },

  async remove(args) {
    await withUser(args, {}, async ({ accounts, audit }, who) => {
      const { id, email } = await accounts.remove(who);
      audit('user_removed', { target: id });
      print(`${email} is removed.`);
    });
  },
};

const keys: Subcommands = {
  async add(args) {
    const { values, words } = wordsAndOptions(args, { ...grantOptions, expires: { type: 'string' } }, ['NAME']);
    const lifetimeMs = durationOf('--expires', values.expires);
    await withAccounts(async ({ accounts, audit }) => {
      const expiresAt = lifetimeMs === undefined ? undefined : Date.now() + lifetimeMs;
      const { key, text } = await accounts.addKey(words[0] ?? '', permissionsOf(values), expiresAt);
      audit('key_added', { target: key.id, change: { name: key.name, permissions: key.permissions, expiresAt } });
      print(text);
    });
  },

  async list(args) {
    wordsAndOptions(args, {}, []);
    await withAccounts(async ({ accounts }) => {
      for (const key of await accounts.listKeys()) print(keyLineOf(key));
    });
  },

  async revoke(args) {
    const { words } = wordsAndOptions(args, {}, ['ID']);
    // The id is a part of the key, so the key itself will do.
    const id = (words[0] ?? '').split('_')[1] ?? words[0] ?? '';
    await withAccounts(async ({ accounts, audit }) => {
      await accounts.revokeKey(id);
      audit('key_revoked', { target: id });
      print('The key is revoked.');
    });
  },
};

async function revokeToken(args: string[]): Promise<void> {
  const known = { token: { type: 'string' }, id: { type: 'string' }, user: { type: 'string' } } as const;
  const { values } = wordsAndOptions(args, known, []);
  const { token, id, user } = values;
  if ([token, id, user].filter((value) => value !== undefined && value !== '').length !== 1) {
    throw new UsageError('revoke-token needs one of --token, --id and --user');
  }
  const text = token === '-' ? (await readPassword()).trim() : token;
  await withAccounts(async ({ accounts, audit }) => {
    if (user !== undefined) {
      await accounts.revoke('user', user);
      audit('user_revoked', { target: user });
    } else {
      const name = text === undefined ? { id: id ?? '', expiresAt: undefined } : tokenName(text);
      await accounts.revoke('token', name.id, name.expiresAt);
      audit('token_revoked', { target: name.id });
    }
    print('Revoked.');
  });
}

async function setDisabled(args: string[], isDisabled: boolean): Promise<void> {
  await withUser(args, {}, async ({ accounts, audit }, who) => {
    const account = await accounts.setDisabled(who, isDisabled);
    audit('user_changed', { target: account.id, change: { disabled: isDisabled } });
    print(lineOf(account));
  });
}

async function subcommand(name: string, commands: Subcommands, [first, ...rest]: string[]): Promise<void> {
  const command = first !== undefined && Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (command === undefined) {
    const what = first === undefined ? 'needs a command' : `has no command ${JSON.stringify(first)}`;
    throw new UsageError(`${name} ${what}: ${Object.keys(commands).join(', ')}`);
  }
  await command(rest);
}

async function withUser(
  args: string[],
  known: typeof grantOptions | Record<string, never>,
  action: (work: Work, who: string, values: Granted) => Promise<void>,
): Promise<void> {
  const { values, words } = wordsAndOptions(args, known, ['USER']);
  await withAccounts((work) => action(work, words[0] ?? '', values));
}

async function withAccounts(action: (work: Work) => Promise<void>): Promise<void> {
  const config: Config = loadConfig(process.env);
  if (config.storage.kind === 'memory') {
    throw new UsageError('DATABASE_URL is memory: accounts are in the memory of the running server only');
  }
  if (config.storage.kind === 'postgres') await checkSchema(config.storage.url);
  // Imported only here: for the help, nobody needs storage.
  const { openAccounts } = await import('../node/auth.js');
  const store = await withoutStack(() => openAccounts(config));
  const { auth } = config;
  try {
    const accounts = new Accounts({
      store,
      hash: (password) => hashPassword(password, auth.passwords.cost),
      maxKeys: auth.maxKeys,
      maxRevocations: auth.maxRevocations,
    });
    const silent = createLogger({ ...config, logLevel: 'silent' });
    const log = new AuditLog(silent, auth.auditKeepMs === undefined ? undefined : store);
    const audit = (event: AuditEvent, details: AuditDetails): void => {
      log.write(event, { actor: 'command line', ...details });
    };
    await action({ accounts, audit });
    await log.close();
  } finally {
    await store.close();
  }
}

function passwordOf(generate: boolean | undefined): Promise<string> {
  return generate === true ? Promise.resolve(newPassword()) : readPassword();
}

function permissionsOf({ read, write, manage, admin = false }: Granted): Permissions {
  const lists = { canRead: list(read), canWrite: list(write), isAdmin: admin };
  return manage === undefined ? lists : { ...lists, canAdmin: list(manage) };
}

function grantsOf({ read, write, manage, admin }: Granted) {
  if (read === undefined && write === undefined && manage === undefined && admin === undefined) {
    throw new UsageError('give at least one of --read, --write, --manage and --admin');
  }
  return { read: list(read), write: list(write), admin: list(manage), isAdmin: admin };
}

function lineOf({ id, email, isDisabled, permissions }: Account): string {
  return `${id}  ${email}  ${isDisabled ? 'disabled' : 'enabled'}  ${wordsOf(permissions)}`;
}

function keyLineOf({ id, name, permissions, expiresAt, revokedAt }: ApiKey): string {
  const hasExpired = expiresAt !== undefined && expiresAt <= Date.now();
  const state = revokedAt !== undefined ? 'revoked' : hasExpired ? 'expired' : 'active';
  return `${id}  ${name}  ${state}  ${wordsOf(permissions)}`;
}

function wordsOf({ canRead, canWrite, canAdmin = [], isAdmin }: StoredPermissions): string {
  if (isAdmin) return 'admin';
  return `read ${canRead.join(',') || '-'}  write ${canWrite.join(',') || '-'}  manage ${canAdmin.join(',') || '-'}`;
}
