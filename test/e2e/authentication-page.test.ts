/** docs/authentication.md: a newcomer follows it, command by command. */
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { packageFolder } from '../../src/version.js';
import { cheap } from '../support/accounts.js';
import { client, folder, secret, server } from '../support/fixture.js';

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

test('the settings of the page are usable', (t) => {
  for (const name of ['JWT_JWKS_URL', 'ACCESS_URL']) {
    const assignments = Array.from(
      blockWith(name)
        .replace(/\$\(openssl[^)]*\)/, secret)
        .matchAll(/export (\w+)="?([^"\n]+)"?/g),
      ([, key = '', value = '']) => [key, value],
    );
    const env = Object.fromEntries(assignments) as Record<string, string>;
    t.ok(loadConfig({ NODE_ENV: 'production', JWT_SECRET: secret, ...env }).auth, name);
  }
  t.end();
});
