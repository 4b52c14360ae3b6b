/**
 * `npm run screenshots`, after a build: takes the pictures of the pages in docs/images, with a server of its own. Needs
 * Chromium (Debian: apt-get install chromium).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs/images');
const secret = 'a secret for pictures, longer than 32 characters';
const args = ['--no-sandbox'];

const { port, end } = await startServer();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
mkdirSync(images, { recursive: true });
try {
  await save('playground', await playground());
  await save('dashboard', await dashboard());
} finally {
  await browser.close();
  end();
}

async function startServer() {
  const env = { PATH: process.env.PATH, PORT: '0', DATABASE_URL: 'memory:', JWT_SECRET: secret };
  const settings = {
    ...env,
    SYNCKIT_AUTH_REQUIRED: 'false',
    SYNCKIT_NODE_ID: 'node-1',
    HOST: '127.0.0.1',
    NODE_ENV: 'test',
  };
  const child = spawn(process.execPath, [join(root, 'dist/src/main.js')], {
    env: settings,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  const listening = await new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
      const line = out.split('\n').find((entry) => entry.includes('"msg":"listening"'));
      if (line !== undefined) resolve(JSON.parse(line));
    });
  });
  return { port: listening.port, end: () => child.kill() };
}

async function open(path, viewport) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${port}${path}`);
  return page;
}

/** Two tabs, and one picture of both. */
async function playground() {
  const size = { width: 720, height: 930 };
  const tabs = [];
  for (const name of ['Ann', 'Bob']) {
    const page = await open('/playground?document=meeting', size);
    await page.locator('#text:enabled').waitFor();
    await page.locator('#name').fill(name);
    tabs.push(page);
  }
  const [ann, bob] = tabs;
  await ann.locator('#text').pressSequentially('Agenda for Friday\n\n- What the last release broke\n- ');
  for (const [name, value] of [
    ['title', 'Weekly meeting'],
    ['owner', 'Ann'],
  ]) {
    await ann.locator('#new-field').fill(name);
    await ann.locator('#new-field').press('Enter');
    await ann.locator(`[data-field="${name}"] input`).fill(value);
  }
  await bob.locator('#text').press('Control+End');
  await bob.keyboard.type('Who brings the cake?');
  await ann.locator('#text').press('Control+Home');
  for (let step = 0; step < 6; step++) await ann.keyboard.press('ArrowRight');
  await ann.waitForTimeout(1_500);
  const pictures = await Promise.all(tabs.map((page) => page.screenshot()));
  const both = await browser.newPage({ viewport: { width: 2 * size.width + 2, height: size.height } });
  const shown = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`).join('');
  await both.setContent(`<body style="margin:0;display:flex;gap:2px;background:#8a90a2">${shown}</body>`);
  return both.screenshot();
}

/** With some clients that write. */
async function dashboard() {
  const { signToken } = await import('../dist/src/auth/tokens/tokens.js');
  const tokenOf = (userId, isAdmin) =>
    signToken({ secret, userId, permissions: { canRead: ['*'], canWrite: ['*'], isAdmin }, expiresInMs: 600_000 });
  const names = ['ann', 'bob', 'carol', 'dave', 'erin'];
  const documents = ['meeting', 'roadmap', 'room:kitchen', 'notes:ann'];
  const { WebSocket } = await import('ws');
  const writers = names.flatMap((name, index) =>
    Array.from({ length: 1 + (index % 3) }, () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?token=${tokenOf(name, false)}`);
      const send = (message) => socket.send(JSON.stringify({ id: 'x', timestamp: Date.now(), ...message }));
      let turn = 0;
      socket.on('open', () => {
        for (const documentId of documents.slice(index % 2)) send({ type: 'subscribe', documentId });
      });
      const write = () => {
        if (socket.readyState !== WebSocket.OPEN) return;
        const documentId = documents[(index + turn) % documents.length];
        // More at times, so that the curves have a shape.
        const count = 1 + Math.round(2 + 2 * Math.sin(Date.now() / 5_000));
        for (let i = 0; i < count; i++) send({ type: 'delta', documentId, field: 'f', value: ++turn });
      };
      const timer = setInterval(write, 60);
      return () => {
        clearInterval(timer);
        socket.terminate();
      };
    }),
  );
  const page = await open(`/admin#token=${tokenOf('root', true)}`, { width: 1280, height: 760 });
  await page.locator('#nodes tr').waitFor();
  await page.waitForTimeout(100_000);
  const picture = await page.screenshot();
  for (const stop of writers) stop();
  return picture;
}

async function save(name, picture) {
  const path = join(images, `${name}.png`);
  writeFileSync(path, picture);
  console.log(`${path}: ${Math.round(picture.length / 1024)} KiB`);
}
