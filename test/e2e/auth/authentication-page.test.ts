/** docs/authentication.md: a newcomer follows it, command by command. */
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { ApplicationServer } from '../../support/nodes/application-server.js';
import { RawClient } from '../../support/clients/client.js';
import { IdentityProvider, jwkOf, makeKey, signWith } from '../../support/nodes/identity-provider.js';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { packageFolder } from '../../../src/version.js';
import { cheap, command } from '../../support/nodes/accounts.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';

const page = readFileSync(join(packageFolder, 'docs/authentication.md'), 'utf8');
const blocks = Array.from(page.matchAll(/```sh\n([\s\S]*?)```/g), ([, text = '']) => text);
const blockWith = (text: string): string =>
  blocks.find((block) => block.includes(text)) ?? `echo no block with ${text}; false`;

const skip = spawnSync('curl', ['--version']).status === 0 ? false : 'needs curl, as the page does';

test('the commands of the page work, from an empty folder to a connection', { skip }, async (t) => {
  const directory = await folder(t);
  const program = join(directory, 'synckit-server');
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${join(packageFolder, 'dist/src/cli.js')} "$@"\n`);
  chmodSync(program, 0o755);
  const env = { SYNCKIT_DATA_DIR: join(directory, 'data'), JWT_SECRET: secret, ...cheap };
  const shell = (script: string): string => {
    // The secret of the test stays the same from command to command.
    const text = script.replace(/^export JWT_SECRET=.*$/m, '');
    const path = `${directory}:${process.env['PATH'] ?? ''}`;
    const { status, stdout, stderr } = spawnSync('sh', ['-euc', text], {
      encoding: 'utf8',
      env: { ...env, PATH: path },
    });
    t.equal(status, 0, stderr);
    return stdout.trim();
  };
  shell(blockWith('user add ann@example.com'));
  const node = await server(t, { ...env, SHARDS: '1' });
  const login = blockWith('/auth/login').replace('http://localhost:8080', node.http);
  const { accessToken } = JSON.parse(shell(login)) as { accessToken: string };
  const raw = await client(t, node, { protocols: ['synckit', accessToken] });
  await raw.acked(raw.set('team-1:plan', 'title', 'Plan'));

  const signed = await client(t, node, { token: shell(blockWith('synckit-server token')) });
  await signed.subscribe('team-1:plan');
  t.match(shell(blockWith('key add')), /^sk_/);
  shell(blockWith('revoke-token'));
  t.equal((await signed.end()).code, 4401);
  t.equal(raw.closed, undefined, 'the other ann is another user');
});

/** The variables that a block of the page exports, with secrets of the test and these addresses. */
function exportsOf(block: string, addresses: Record<string, string> = {}): Record<string, string> {
  const assignments = block.replace(/\$\(openssl[^)]*\)/, secret).matchAll(/^export (\w+)="?([^"\n]+)"?/gm);
  return { ...Object.fromEntries(Array.from(assignments, ([, key = '', value = '']) => [key, value])), ...addresses };
}

/** Runs commands of the page in a shell. @returns What they print. */
function run(t: Test, script: string, env: NodeJS.ProcessEnv, cwd: string): string {
  const all = { PATH: process.env['PATH'], ...env };
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script], { encoding: 'utf8', env: all, cwd });
  t.equal(status, 0, stderr);
  return stdout.trim();
}

test('tokens of an identity provider, as the page sets it up', async (t) => {
  const provider = await new IdentityProvider().start();
  t.teardown(() => provider.stop());
  const key = makeKey('one', 'RS256');
  provider.keys = [jwkOf(key)];
  const env = exportsOf(blockWith('JWT_JWKS_URL'), { JWT_JWKS_URL: provider.url });
  const node = await server(t, { ...env, DATABASE_URL: 'memory:', SHARDS: '1' });
  const claims = {
    iss: env['JWT_ISSUER'],
    aud: env['JWT_AUDIENCE'],
    sub: 'ann',
    scope: 'read:team-1:* write:team-1:* openid',
  };
  const browser = await client(t, node, { protocols: ['synckit', await signWith(key, claims)] });
  await browser.acked(browser.set('team-1:plan', 'title', 'Plan'));
  t.match((await browser.refused(browser.set('team-2:plan', 'title', 'Plan'))).details, { code: 'PERMISSION_DENIED' });
});

test('the application decides, as the page sets it up, and says when it has decided anew', { skip }, async (t) => {
  const app = await new ApplicationServer().start();
  t.teardown(() => app.stop());
  const block = exportsOf(blockWith('ACCESS_URL'), { ACCESS_URL: app.url, ACCESS_SECRET: app.secret });
  app.decide = () => ({ read: true, write: true, admin: false, ttlMs: 30_000 });
  const directory = await folder(t);
  const env = {
    ...block,
    ...cheap,
    JWT_SECRET: secret,
    SYNCKIT_DATA_DIR: directory,
    SHARDS: '1',
    ACCESS_RECHECK_MS: '0',
  };
  const { out } = await command(env, ['key', 'add', 'application', '--admin']);
  const node = await server(t, env);
  const browser = await client(t, node, { protocols: ['synckit', token('ann')] });
  await browser.acked(browser.set('team-1:plan', 'title', 'Plan'));
  t.equal(app.unsigned, 0, 'the signature is the one of the page');
  app.decide = () => ({});
  const refresh = blockWith('/admin/access/refresh').replace('http://localhost:8080', node.http);
  t.match(run(t, refresh, { SYNCKIT_KEY: out.trim() }, directory), /"success":true/);
  t.equal((await browser.end()).code, 4403);
});

test('TLS with a certificate of the page, to a browser client', { skip }, async (t) => {
  const directory = await folder(t);
  const block = blockWith('openssl req');
  const [commands = '', ...settings] = block.split(/^(?=export )/m);
  run(t, commands, { HOME: directory }, directory);
  const pairs = settings.join('').matchAll(/(TLS_\w+)=(\S+)/g);
  const tls = Object.fromEntries(Array.from(pairs, ([, key = '', file = '']) => [key, join(directory, file)]));
  t.same(Object.keys(tls), ['TLS_CERT', 'TLS_KEY']);
  const node = await server(t, { ...tls, JWT_SECRET: secret, DATABASE_URL: 'memory:', SHARDS: '1' });
  const health = `curl -s --cacert cert.pem https://localhost:${node.port}/health/live`;
  t.match(run(t, health, {}, directory), /alive/);
  const browser = await RawClient.connect(`wss://localhost:${node.port}/ws`, {
    ca: readFileSync(tls['TLS_CERT'] ?? '', 'utf8'),
    protocols: ['synckit', token('ann', { read: ['*'], write: ['*'] })],
  });
  t.teardown(() => browser.socket.terminate());
  await browser.acked(browser.set('team-1:plan', 'title', 'Plan'));
});

test('the settings of the page are usable', (t) => {
  for (const name of ['JWT_JWKS_URL', 'ACCESS_URL']) {
    const env = exportsOf(blockWith(name));
    t.ok(loadConfig({ NODE_ENV: 'production', JWT_SECRET: secret, ...env }).auth, name);
  }
  t.end();
});
