/** The pages as a browser gets them; what they do is shown in test/e2e/browser. */
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'tap';
import { folder, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

test('the playground and all that it loads come from the server, and nothing else may be loaded', async (t) => {
  const { http } = await server(t, { DATABASE_URL: 'memory:' });
  const page = await fetch(`${http}/playground`);
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy') ?? '';
  t.match(policy, "default-src 'none'; script-src 'self'; style-src 'self'");
  t.notMatch(policy, /unsafe|\*|data:|https?:/);
  const loaded = new Set<string>();
  const load = async (url: URL): Promise<void> => {
    if (loaded.has(url.href)) return;
    loaded.add(url.href);
    const answer = await fetch(url);
    t.equal(answer.status, 200, url.pathname);
    t.equal(url.origin, http);
    if (!url.pathname.endsWith('.js')) return;
    t.match(answer.headers.get('content-type'), 'text/javascript');
    for (const [, path = ''] of (await answer.text()).matchAll(/from '([^']+)'/g)) await load(new URL(path, url));
  };
  for (const [, path = ''] of (await page.text()).matchAll(/(?:src|href)="([^"]+)"/g))
    await load(new URL(path, page.url));
  t.ok(loaded.size > 20, `${loaded.size} files`);

  t.equal((await fetch(`${http}/playground`, { method: 'HEAD' })).status, 200);
  t.equal((await fetch(`${http}/assets/web/nothing.js`)).status, 404);
  t.equal((await fetch(`${http}/assets/web/../../../package.json`)).status, 404);
  t.equal((await fetch(`${http}/assets/web/playground/main.ts`)).status, 404, 'no sources');
});

test('there is no playground in production, unless it is wanted', async (t) => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'memory:',
    JWT_SECRET: 'a secret of this test, long enough',
  };
  for (const [wanted, status] of [
    ['', 404],
    ['true', 200],
  ] as const) {
    const { http } = await server(t, { ...production, SYNCKIT_PLAYGROUND: wanted });
    for (const path of ['/playground', '/assets/web/playground/main.js', '/assets/web/playground/style.css']) {
      t.equal((await fetch(http + path)).status, status, `${path} with ${wanted}`);
    }
  }
});

/** `script` of Debian's bsdutils makes one. */
const withoutTerminal =
  spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0 ? 'there are no pseudo-terminals here' : false;

test('on a terminal, the server says where it is', { skip: withoutTerminal }, async (t) => {
  const env = { PATH: process.env['PATH'], PORT: '0', SYNCKIT_DATA_DIR: await folder(t), SHARDS: '1' };
  const child = spawn('script', ['-qec', `${process.execPath} dist/src/main.js`, '/dev/null'], { env, detached: true });
  t.teardown(() => process.kill(-child.pid!, 'SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('the line', () =>
    /\n {2}Playground: http:\/\/localhost:\d+\/playground {3}WebSocket: ws:\S+\/ws\r?\n/.test(out),
  );
});
