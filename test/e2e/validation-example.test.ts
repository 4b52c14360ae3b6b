/** docs/integration.md: the application that decides about writes, as the page sets it up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';
import { client, secret, server } from '../support/nodes/fixture.js';
import { freePort, plainNode } from '../support/nodes/server.js';
import { block } from '../support/pages.js';

test('an application that decides about writes, as the page sets it up', async (t) => {
  const commands = block('docs/integration.md', 'sh', 'VALIDATE_URL');
  const env = Object.fromEntries(
    Array.from(commands.matchAll(/^export (\w+)="?([^"\n]+)"?$/gm), ([, key = '', value = '']) => [key, value]),
  );
  const port = await freePort();
  env['VALIDATE_SECRET'] = secret;
  const [file] = /examples\/\S+/.exec(commands) ?? [''];
  const app = spawn('env', [...plainNode(), join(packageFolder, file)], {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => app.kill('SIGKILL'));
  await once(app.stdout, 'data');
  env['VALIDATE_URL'] = String(env['VALIDATE_URL']).replace('3001', String(port));
  const raw = await client(t, await server(t, { ...env, DATABASE_URL: 'memory:', SHARDS: '1' }));
  await raw.acked(raw.set('orders:7', 'count:apples', 10));
  const refused = await raw.refused(raw.set('orders:7', 'count:apples', 12));
  t.equal(refused['error'], 'Validation failed: anonymous may order ten at most: count:apples');
  await raw.acked(raw.set('other:7', 'count:apples', 12));
  const forged = await fetch(env['VALIDATE_URL'], { method: 'POST', body: '{"changes":[]}' });
  t.equal(forged.status, 401);
});
