/** Accounts, API keys and revocations in backups: made beside a server that signs users in, restored, and damaged. */
import { randomFillSync } from 'node:crypto';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { openLmdbAccounts } from '../../../src/storage/lmdb/accounts.js';
import { ask, cheap, command } from '../../support/nodes/accounts.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const serverEnv = (SYNCKIT_DATA_DIR: string) => ({ SYNCKIT_DATA_DIR, JWT_SECRET: secret, SHARDS: '1', ...cheap });

/** A command that must succeed. */
async function run(directory: string, args: string, input?: string): Promise<string> {
  const { code, out, err } = await command(serverEnv(directory), args.split(' '), input);
  if (code !== 0) throw new Error(`${args}: ${err}`);
  return out;
}

const addUser = (directory: string, name: string) =>
  run(directory, `user add ${name}@example.com --read *`, `${name}'s password\n`);
const signIn = (to: ServerProcess, name: string) =>
  ask(to, 'POST /auth/login', { email: `${name}@example.com`, password: `${name}'s password` });
const withKey = async (to: ServerProcess, key: string) =>
  (await ask(to, 'GET /auth/me', undefined, { 'x-api-key': key })).status;

/** Uses refresh tokens one after the other, without a pause. `last` is the newest that was answered. */
class Refreshing {
  last: string;
  uses = 0;
  #stopped = false;
  readonly ended: Promise<void>;

  constructor(to: ServerProcess, first: string) {
    this.last = first;
    this.ended = this.#run(to);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.ended;
  }

  async #run(to: ServerProcess): Promise<void> {
    while (!this.#stopped) {
      const { status, body } = await ask(to, 'POST /auth/refresh', { refreshToken: this.last });
      if (status !== 200) throw new Error(JSON.stringify(body));
      this.last = body['refreshToken'] as string;
      this.uses++;
    }
  }
}

/** A data directory with a document, a user and a backup of both; no server runs. */
async function example(t: Test | typeof tap): Promise<{ readonly directory: string; readonly backup: string }> {
  const directory = await folder(t);
  const node = await server(t, serverEnv(directory));
  const raw = await client(t, node, { token: token('tester', { admin: true }) });
  await raw.acked(raw.set('d', 'a', 1));
  await addUser(directory, 'ann');
  for (let i = 0; i < 30; i++)
    await ask(node, 'POST /auth/login', { email: 'ann@example.com', password: "ann's password" });
  await node.kill('SIGTERM');
  const backup = join(await folder(t), 'backup');
  await run(directory, `backup --to ${backup}`);
  return { directory, backup };
}

/** A copy of a folder, removed at the end. */
async function copyOf(t: Test, from: string): Promise<string> {
  const to = await folder(t);
  cpSync(from, to, { recursive: true });
  return to;
}

const whole = await example(tap);

test('what a command or a sign-in changed before a backup is in it, though the server runs on', async (t) => {
  const directory = await folder(t);
  const place = await folder(t);
  const node = await server(t, serverEnv(directory));
  await addUser(directory, 'ann');
  const good = (await run(directory, 'key add good --read *')).trim();
  const bad = (await run(directory, 'key add bad --read *')).trim();
  await run(directory, `key revoke ${bad}`);
  const stolen = token('eve', { read: ['*'] });
  await run(directory, 'revoke-token --user eve');
  const { body } = await signIn(node, 'ann');
  const refreshing = new Refreshing(node, body['refreshToken'] as string);
  await until('uses', () => refreshing.uses > 20);
  await addUser(directory, 'bob');
  const { last, uses } = refreshing;
  const said = await run(directory, `backup --to ${join(place, 'b')}`);
  t.match(
    said,
    /\/b\/accounts: 2 accounts, 2 API keys, \d+ revocations, \d+ refresh tokens, \d+ audit lines, \d+ bytes\.\n$/,
  );
  t.ok(refreshing.uses > uses, 'sign-ins went on');
  await refreshing.stop();
  await addUser(directory, 'late');

  const restored = join(place, 'restored');
  t.match(
    await run(restored, `restore --from ${join(place, 'b')}`),
    /restored\/accounts: restored .*: 2 accounts, 2 API keys/,
  );
  const again = await server(t, serverEnv(restored));
  t.equal((await signIn(again, 'ann')).status, 200);
  t.equal((await signIn(again, 'bob')).status, 200, 'added while the server ran');
  t.equal((await signIn(again, 'late')).status, 401);
  t.equal((await ask(again, 'POST /auth/refresh', { refreshToken: last })).status, 200, 'answered before the backup');
  t.same([await withKey(again, good), await withKey(again, bad)], [200, 401]);
  t.same((await ask(again, 'POST /auth/verify', { token: stolen })).body, { valid: false });
  t.match(await run(restored, 'check-data'), /accounts: \d+ bytes, 2 accounts.*\nAll of it can be read\.\n$/);
});

test('a restore moves accounts aside as it does documents, and only when nobody has them open', async (t) => {
  const directory = await folder(t);
  await addUser(directory, 'old');
  const restore = ['restore', '--from', whole.backup];
  const asked = await command(serverEnv(directory), restore);
  t.match(asked, { code: 1, err: /^There is a database in .*\/accounts\. --force restores the backup/ });
  const open = openLmdbAccounts(directory);
  const refused = await command(serverEnv(directory), [...restore, '--force']);
  t.match(refused, {
    code: 1,
    err: new RegExp(`^Process ${process.pid} has the database in .*/accounts open: end it`),
  });
  await open.close();
  t.match(await run(directory, 'user list'), /old@example\.com/, 'nothing has changed');

  const said = await run(directory, `${restore.join(' ')} --force`);
  const [, replaced = ''] = /^What was there before is in (.*)\.$/m.exec(said) ?? [];
  t.match(await run(directory, 'user list'), /^\S+ {2}ann@example\.com[^\n]*\n$/);
  t.match(await run(replaced, 'user list'), /^\S+ {2}old@example\.com[^\n]*\n$/);
  t.same(
    readdirSync(directory).filter((name) => name.includes('restoring')),
    [],
  );
  const node = await server(t, serverEnv(directory));
  t.equal((await signIn(node, 'ann')).status, 200);
  const raw = await client(t, node, { token: token('tester', { admin: true }) });
  t.same((await raw.subscribe('d'))['state'], { a: 1 });
  t.match(await command(serverEnv(directory), [...restore, '--force']), {
    code: 1,
    err: /^Process \d+ has the database/,
  });
});

test('a backup without accounts is restored, and accounts that are there stay', async (t) => {
  const old = await copyOf(t, whole.backup);
  rmSync(join(old, 'accounts'), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(old, 'backup.json'), 'utf8')) as Record<string, unknown>;
  delete manifest['accounts'];
  writeFileSync(join(old, 'backup.json'), JSON.stringify(manifest));
  const directory = await folder(t);
  await addUser(directory, 'old');
  t.match(
    await run(directory, `restore --from ${old}`),
    /1 documents.*\n.*the backup has no accounts; those that are there stay/,
  );
  t.match(await run(directory, 'user list'), /old@example\.com/);

  const none = await copyOf(t, whole.directory);
  rmSync(join(none, 'accounts'), { recursive: true });
  const backup = join(await folder(t), 'backup');
  await run(none, `backup --to ${backup}`);
  t.notOk(existsSync(join(backup, 'accounts')));
  const empty = await folder(t);
  await run(empty, `restore --from ${backup}`);
  t.equal(await run(empty, 'user list'), '');
});

test('accounts of a backup that are not what was written are not restored', async (t) => {
  for (const damage of [truncate, (folder: string) => rmSync(dataOf(folder))]) {
    const from = await copyOf(t, whole.backup);
    damage(from);
    const to = await folder(t);
    const { code, err } = await command(serverEnv(to), ['restore', '--from', from]);
    t.equal(code, 1);
    t.match(err, /is damaged: accounts\/data\.mdb is (not what was written|missing)\. Nothing was restored/);
    t.notOk(existsSync(join(to, 'data.mdb')));
  }
});

const pageBytes = 4096;
const dataOf = (directory: string): string => join(directory, 'accounts', 'data.mdb');

function truncate(directory: string): void {
  truncateSync(dataOf(directory), 3 * pageBytes);
}

/** Overwrites all leaves that hold some of these bytes, and nothing else. */
function damageLeaves(directory: string, text: string): void {
  const bytes = readFileSync(dataOf(directory));
  for (let at = 2 * pageBytes; at < bytes.length; at += pageBytes) {
    const page = bytes.subarray(at, at + pageBytes);
    if (page.readUInt16LE(18) === 2 && page.includes(text)) randomFillSync(page);
  }
  writeFileSync(dataOf(directory), bytes);
}

test('damaged accounts are a sentence for servers and commands, and no signal', async (t) => {
  const damages: Record<string, [damage: (directory: string) => void, sentence: RegExp]> = {
    'cut off': [truncate, /is damaged: page \d+ is missing/],
    'a text file': [(d) => writeFileSync(dataOf(d), 'accounts\n'.repeat(2_000)), /is damaged: meta page 0/],
    empty: [(d) => truncateSync(dataOf(d), 0), /has an empty data\.mdb, but accounts were stored in it \(since 20/],
    missing: [(d) => rmSync(dataOf(d)), /has no data\.mdb, but accounts were stored in it/],
    // Far from the format version, so that only a look at all pages finds it.
    'noise in a leaf': [(d) => damageLeaves(d, 'refresh:'), /is damaged: page \d+ is damaged/],
  };
  for (const [what, [damage, sentence]] of Object.entries(damages)) {
    const directory = await copyOf(t, whole.directory);
    damage(directory);
    const place = new RegExp(`${directory}/accounts `);
    const failure: unknown = await server(t, serverEnv(directory)).then(
      () => 'it started',
      (error: unknown) => error,
    );
    for (const part of [/the server ended with 1: /, sentence, place]) t.match(failure, { message: part }, what);
    const listed = await command(serverEnv(directory), ['user', 'list']);
    t.match(listed, { code: 1, out: '', err: sentence }, what);
    t.notMatch(listed.err, /\n {4}at /, `${what}: without a stack`);

    const checked = await command(serverEnv(directory), ['check-data']);
    t.match(checked, { code: 1, out: /1 documents, 1 fields[^]*Damaged: \d+\.\n$/, err: /accounts/ }, what);
    const backup = join(await folder(t), 'backup');
    const made = await command(serverEnv(directory), ['backup', '--to', backup]);
    t.match(made, { code: 1, err: /--skip-damaged/ }, what);
    t.notOk(existsSync(backup), what);
    if (what !== 'noise in a leaf' && what !== 'empty') continue;
    const rescued = await command(serverEnv(directory), ['backup', '--to', backup, '--skip-damaged']);
    t.match(rescued, { code: 1, out: /1 documents/, err: /^left out: .*accounts/ }, what);
    await run(directory, `restore --from ${backup} --force`);
    if (what !== 'noise in a leaf') continue;
    t.match(await run(directory, 'user list'), /ann@example\.com/, 'what could be read is back');
  }
});
