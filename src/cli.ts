#!/usr/bin/env node
/** The command line: `synckit-server <command>`. Without a command it runs the server. */
import './start/require-supported.js';
import './start/env-file.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signToken } from './auth/tokens/tokens.js';
import { ConfigError, loadConfig, readDuration } from './config/load.js';
import { accountCommands } from './cli/accounts.js';
import { dataCommands } from './cli/data.js';
import { documentCommands } from './cli/documents/documents.js';
import { RemoteError } from './cli/remote.js';
import { snapshotCommands } from './cli/snapshots.js';
import { DataError, list, options, print, UsageError } from './cli/tools.js';
import { AccountError } from './auth/accounts/accounts.js';
import { generatedPages } from './docs.js';
import { isDocumentId } from './protocol/document-id.js';
import { ImportError } from './import/import-error.js';
import { DatabaseError, migrate, migrationStates, SchemaError } from './storage/postgres/migrate.js';
import { CertificateError, readCertificate } from './tls/certificate.js';
import { DocumentSchemaError } from './validation/schema-file.js';
import { readSchemas } from './validation/schemas.js';
import { packageFolder, version } from './version.js';

const help = `synckit-server ${version}

Usage: synckit-server [command]

  serve          run the server (the default)
  check-config   check the environment variables without starting the server
    --connect      also connect to the database and Redis, and try the port
    --port-in-use  the port may be in use, by the server that is to be replaced
  token          print a token signed with JWT_SECRET
    --user ID      the user of the token (required)
    --read LIST    documents it may read, separated by commas, * for all
    --write LIST   documents it may write
    --admin        grant everything on every document
    --expires TIME lifetime, such as 30m, 24h or 7d (default: JWT_EXPIRES_IN)
  user           add, list and change accounts with a password
  key            add, list and revoke API keys
  revoke-token   revoke tokens before they expire
  documents      list, read, write, delete, export and import documents
  snapshot       make, list, read, restore and delete snapshots of documents
  migrate        migrate the schema of the database in DATABASE_URL
    --status       only list the migrations, applied and missing
  import-reference
                 import the documents of a reference server (docs/runbook.md)
    --from URL     its Postgres database (required)
  check-data     read all of the embedded storage in SYNCKIT_DATA_DIR, documents and
                 accounts, and name what is damaged
  backup         copy the embedded storage, documents and accounts, while servers run
                 (docs/operations/backup.md)
    --to FOLDER    where to; must be empty or not there (required)
    --skip-damaged leave out what can not be read, instead of making no backup
  restore        put a backup in the place of the embedded storage; no server may run
    --from FOLDER  the backup (required)
    --force        replace what is there, which is moved aside
  docs           write docs/configuration.md, docs/errors.md and docs/metrics.md

  -h, --help     print this; after user, key, revoke-token, documents or snapshot:
                 their help
  -v, --version  print the version

A file .env in the present folder is read, unless NODE_ENV is test. The environment variables are described in docs/configuration.md.`;

const commands: Readonly<Record<string, (args: string[]) => void | Promise<void>>> = {
  async serve(args) {
    options(args, {});
    // Imported only here: other commands need neither sockets nor storage.
    await import('./main.js');
  },

  async 'check-config'(args) {
    const given = options(args, { connect: { type: 'boolean' }, 'port-in-use': { type: 'boolean' } });
    const config = loadConfig(process.env);
    if (config.tls !== undefined) readCertificate(config.tls);
    if (config.schemaDirectory !== undefined) await readSchemas(config.schemaDirectory);
    if (given.connect === true) {
      const { connectionProblems } = await import('./cli/connect.js');
      const problems = await connectionProblems(config, given['port-in-use'] === true);
      if (problems.length > 0) throw new ConfigError(problems);
    }
    const { notices } = config;
    print('The configuration is usable.', ...notices.map((notice) => `  - ${notice}`));
  },

  token(args) {
    const given = options(args, {
      user: { type: 'string' },
      read: { type: 'string' },
      write: { type: 'string' },
      admin: { type: 'boolean' },
      expires: { type: 'string' },
    });
    if (given.user === undefined || given.user === '') throw new UsageError('token needs --user');
    if ((process.env['JWT_SECRET'] ?? '') === '') {
      throw new UsageError('JWT_SECRET must be set to the secret of the server that the token is for');
    }
    const config = loadConfig(process.env);
    const expiresInMs = given.expires === undefined ? config.tokenLifetimeMs : readDuration(given.expires);
    if (expiresInMs === undefined) throw new UsageError('--expires must be a length of time such as 30m, 24h or 7d');
    const permissions = { canRead: list(given.read), canWrite: list(given.write), isAdmin: given.admin ?? false };
    print(
      signToken({ secret: config.jwtSecret, userId: given.user, permissions, expiresInMs, rules: config.auth.rules }),
    );
  },

  async migrate(args) {
    const given = options(args, { status: { type: 'boolean' } });
    const { storage } = loadConfig(process.env);
    if (storage.kind !== 'postgres') {
      throw new UsageError('DATABASE_URL must name a Postgres database: other storage has no migrations');
    }
    if (given.status === true) {
      const states = await migrationStates(storage.url);
      print(
        ...states.map(({ name, applied }) => `${name}  ${applied === undefined ? 'missing' : `applied ${applied}`}`),
      );
      return;
    }
    const names = await migrate(storage.url);
    print(...(names.length === 0 ? ['The database is up to date.'] : names.map((name) => `${name} applied`)));
  },

  async 'import-reference'(args) {
    const { from } = options(args, { from: { type: 'string' } });
    // The message does not contain the URL, which may contain a password.
    if (from === undefined || !isPostgresUrl(from)) {
      throw new UsageError('import-reference needs --from postgres://user@host/database');
    }
    const config = loadConfig(process.env);
    // Imported only here: other commands need neither storage nor the WASM core.
    const [{ importReference }, { textReader }] = await Promise.all([
      import('./import/import-reference.js'),
      import('./import/reference-text.js'),
    ]);
    const { refused } = await importReference({
      from,
      to: config.storage,
      isDocumentId,
      texts: textReader(config.maxTextBytes),
      log: print,
      refuse: (line) => process.stderr.write(`${line}\n`),
    });
    if (refused > 0) process.exitCode = 1;
  },

  ...dataCommands,

  docs(args) {
    options(args, {});
    for (const page of generatedPages()) {
      const path = join(packageFolder, page.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, page.text);
      print(`${page.path} written`);
    }
  },
};

async function run(args: string[]): Promise<void> {
  const [first, ...rest] = args;
  const withHelp = { ...accountCommands, ...documentCommands, ...snapshotCommands };
  const own = first !== undefined && Object.hasOwn(withHelp, first) ? withHelp[first] : undefined;
  if (args.includes('--help') || args.includes('-h') || first === 'help') {
    print(own?.help ?? help);
  } else if (own !== undefined) {
    await own.run(rest);
  } else if (first === '--version' || first === '-v') {
    print(version);
  } else if (first === undefined || first.startsWith('-')) {
    await commands['serve']?.(args);
  } else {
    const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
    if (command === undefined) throw new UsageError(`there is no command ${JSON.stringify(first)}`);
    await command(rest);
  }
}

function isPostgresUrl(text: string): boolean {
  return URL.canParse(text) && ['postgres:', 'postgresql:'].includes(new URL(text).protocol);
}

/** Errors that need no stack trace. */
const expected = [
  UsageError,
  AccountError,
  ConfigError,
  SchemaError,
  DatabaseError,
  ImportError,
  DataError,
  CertificateError,
  DocumentSchemaError,
  RemoteError,
];

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!expected.some((kind) => error instanceof kind)) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  if (error instanceof UsageError) process.stderr.write('See synckit-server --help\n');
  process.exitCode = 1;
}
