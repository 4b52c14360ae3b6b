/** The commands for accounts, beside a server that uses the same folder. */
import tap, { test } from 'tap';
import { accountCommands } from '../src/cli/accounts.js';
import { ask, cheap, command } from './support/nodes/accounts.js';
import { client, folder, secret, server } from './support/nodes/fixture.js';

const env = { SYNCKIT_DATA_DIR: await folder(tap), JWT_SECRET: secret };
const run = (args: string, input?: string) => command(env, args.split(' '), input);

test('a user from the first command to the last, beside a running server', async (t) => {
  const node = await server(t, { ...env, ...cheap, SHARDS: '1' });
  const added = await run('user add Ann@Example.com --read team-1:*,doc --write doc', 'correct horse\n');
  t.match(added, { code: 0, out: /^user-\w+ ann@example\.com\n$/ });
  const signIn = () => ask(node, 'POST /auth/login', { email: 'ann@example.com', password: 'correct horse' });
  const { body } = await signIn();
  const raw = await client(t, node, { token: body['accessToken'] as string });
  for (const documentId of ['doc', 'team-1:x']) await raw.subscribe(documentId);

  t.match(await run('user revoke ann@example.com --read doc'), { code: 0, out: /read team-1:\* {2}write doc/ });
  await raw.expect('the loss', ({ details }) => (details as { documentId?: string } | undefined)?.documentId === 'doc');
  t.match(await run('user grant ann@example.com --admin'), { code: 0, out: /admin$/m });
  t.match(await run('user show ann@example.com'), { code: 0, out: /"isAdmin": true/ });
  t.match(await run('user disable ann@example.com'), { code: 0, out: /disabled/ });
  t.equal((await raw.end()).code, 4403);
  t.match(await signIn(), { status: 401 });
  t.match(await run('user enable ann@example.com'), { code: 0, out: /enabled/ });
  t.match(await signIn(), { status: 200 });
  const generated = await run('user passwd ann@example.com --generate');
  t.match(generated, { code: 0, out: /\n[\w-]{22}\n$/ });
  t.match(await signIn(), { status: 401 });
  t.match(await run('user list'), { code: 0, out: /^user-\w+ {2}ann@example\.com/ });
  t.match(await run('user remove ann@example.com'), { code: 0 });
  t.same(await run('user list'), { code: 0, out: '', err: '' });
});

test('a key is shown once, and a revoked one ends its connections', async (t) => {
  const node = await server(t, { ...env, SHARDS: '1' });
  const { code, out } = await run('key add ci --read doc --expires 1h');
  t.equal(code, 0);
  const apiKey = out.trim();
  const headers = { 'x-api-key': apiKey };
  let status = 0;
  while (status !== 200) ({ status } = await ask(node, 'GET /auth/me', undefined, headers));
  const raw = await client(t, node, { headers });
  await raw.subscribe('doc');
  t.match(await run('key list'), { code: 0, out: /^\w+ {2}ci {2}active {2}read doc/ });
  t.match(await run(`key revoke ${apiKey}`), { code: 0 });
  t.equal((await raw.end()).code, 4403);
  t.match(await run('key list'), { code: 0, out: /revoked/ });
});

test('tokens are revoked by their text, their id or their user', async (t) => {
  const node = await server(t, { ...env, SHARDS: '1' });
  const token = (await run('token --user ann --read *')).out.trim();
  const raw = await client(t, node, { token });
  await raw.subscribe('doc');
  t.match(await run('revoke-token --token -', `${token}\n`), { code: 0, out: 'Revoked.\n' });
  t.equal((await raw.end()).code, 4401);
  t.match(await run('revoke-token --user bob'), { code: 0 });
  t.match(await run('revoke-token --id x'), { code: 0 });
});

test('what is asked for wrongly is said in a sentence', async (t) => {
  const wrong: [string, RegExp][] = [
    ['user', /user needs a command: add, list/],
    ['user fly', /user has no command "fly"/],
    ['user add', /give EMAIL/],
    ['user add a b', /give EMAIL/],
    ['user show nobody', /there is no such user/],
    ['user add nobody', /no email address/],
    ['user grant a@b', /give at least one of --read/],
    ['user add a@b --generate --read *x', /"\*x" is no document id/],
    ['key add ci --expires soon', /--expires must be/],
    ['key revoke x', /there is no such key/],
    ['revoke-token', /needs one of --token, --id and --user/],
    ['revoke-token --id a --user b', /needs one of/],
  ];
  for (const [args, sentence] of wrong) {
    const { code, out, err } = await run(args, 'a password\n');
    t.equal(code, 1, args);
    t.equal(out, '', args);
    t.match(err, sentence, args);
    t.notMatch(err, /\n {4}at /, args);
  }
  t.match(await run('user add a@b', 'short\n'), { code: 1, err: /at least 8 characters/ });
  const memory = await command({ ...env, DATABASE_URL: 'memory:' }, ['user', 'list']);
  t.match(memory, { code: 1, err: /in the memory of the running server only/ });
});

test('every command has its help', async (t) => {
  for (const [name, { help }] of Object.entries(accountCommands)) {
    t.equal((await run(`${name} --help`)).out, `${help}\n`);
  }
  t.match((await run('user add --help')).out, /--generate/);
});

test('in production, a start without users and keys says how to begin', async (t) => {
  const own = { NODE_ENV: 'production', JWT_SECRET: secret, SHARDS: '1' };
  const node = await server(t, own);
  t.ok(node.log.some(({ level, msg }) => level === 'warn' && msg.includes('synckit-server user add EMAIL')));
  const directory = await folder(t);
  await command({ SYNCKIT_DATA_DIR: directory, JWT_SECRET: secret }, ['key', 'add', 'first']);
  const begun = await server(t, { ...own, SYNCKIT_DATA_DIR: directory });
  t.notOk(begun.log.some(({ msg }) => msg.includes('There is no user')));
});
