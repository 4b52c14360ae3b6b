/** The commands of docs/integration.md about changes, and the receiver in examples/. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type Test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { freePort, until } from '../../support/nodes/server.js';
import { secret, server, token } from '../../support/nodes/fixture.js';
import { packageFolder } from '../../../src/version.js';

const page = readFileSync(join(packageFolder, 'docs/integration.md'), 'utf8');
const hookSecret = 'a secret of the receiver, 32 characters or more';

/** The block of the page that holds a text, run with these variables. @returns What it printed. */
async function run(holds: string, env: NodeJS.ProcessEnv): Promise<string> {
  const blocks = Array.from(page.matchAll(/```sh\n([^]*?)```/g), ([, block = '']) => block);
  const block = blocks.find((text) => text.includes(holds));
  if (block === undefined) throw new Error(`no block of docs/integration.md holds ${holds}`);
  const child = spawn('sh', ['-ec', block], { cwd: packageFolder, env: { PATH: process.env['PATH'], ...env } });
  let [out, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${block} ended with ${code}: ${errors}`);
  return out;
}

/** The receiver, as the page starts it. */
async function startExample(t: Test, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, ['examples/search-index.mjs'], { cwd: packageFolder, env });
  t.teardown(() => child.kill('SIGKILL'));
  child.stderr.on('data', (text: Buffer) => {
    t.comment(text.toString());
  });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
}

test('a search index is kept up to date', async (t) => {
  const [port, own] = [await freePort(), await freePort()];
  const to = await server(t, {
    JWT_SECRET: secret,
    PORT: String(port),
    WEBHOOK_URL: `http://127.0.0.1:${own}/`,
    WEBHOOK_SECRET: hookSecret,
    WEBHOOK_DEBOUNCE_MS: '50',
    WEBHOOK_RETRY_MS: '50',
  });
  const env = {
    SYNCKIT_URL: to.http,
    SYNCKIT_TOKEN: token('search', { read: ['*'], write: ['*'], admin: true }),
    WEBHOOK_SECRET: hookSecret,
    PORT: String(own),
  };
  const backend = new Backend(to);
  const found = async (word: string): Promise<string[]> => {
    const answer = await fetch(`http://127.0.0.1:${own}/search?word=${word}`);
    return (await answer.json()) as string[];
  };
  // Nobody listens yet: it is told afterwards.
  await backend.ask('PATCH', '/documents/early', { title: 'early bird' });
  await startExample(t, env);
  await until('the early document', async () => (await found('bird')).length === 1);

  const shown = { ...env, URL: to.http, TOKEN: env.SYNCKIT_TOKEN, SEARCH: `http://127.0.0.1:${own}` };
  await run('/documents/shopping', shown);
  await until('the new document', async () => (await found('milk')).includes('shopping'));
  t.match(await run('/search?word=milk', shown), /\["shopping"\]/);
  await backend.ask('PATCH', '/documents/shopping', { title: 'bread' });
  await until('the change', async () => (await found('bread')).length === 1);
  t.strictSame(await found('milk'), []);
  await backend.ask('DELETE', '/documents/shopping');
  await until('the deletion', async () => (await found('bread')).length === 0);

  const forged = await fetch(`http://127.0.0.1:${own}/`, {
    method: 'POST',
    headers: {
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'webhook-signature': 'v1,x',
    },
    body: JSON.stringify({ type: 'document.changed', data: { documentId: 'early' } }),
  });
  t.equal(forged.status, 401);

  const start = JSON.parse(await run('cursor=now', shown)) as { cursor: string };
  await backend.ask('PATCH', '/documents/later', { title: 'x' });
  const changes = await run('cursor=$CURSOR', { ...shown, CURSOR: start.cursor });
  t.match(JSON.parse(changes), { changes: [{ documentId: 'later', kind: 'changed' }], hasMore: false });
  t.match(JSON.parse(await run('/admin/webhooks', shown)), { events: [], dead: 0 });
});
