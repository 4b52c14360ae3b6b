/** The dashboard in a real browser: two tabs, one signed in with a token and one with a password. */
import type { Page } from 'playwright-core';
import { test } from 'tap';
import { cheap, command } from '../../support/nodes/accounts.js';
import { openBrowser, openTab, seenWithinMs, withoutBrowser } from '../../support/browser.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

const everything = { read: ['*'], write: ['*'] };
const right = { email: 'root@example.com', password: 'correct horse' };
const figure = (page: Page, id: string) => async () => (await page.locator(`#${id}`).innerText()).trim();

/** Waits until a tab shows so many connections. @throws With what it shows instead. */
async function shows(page: Page, connections: string): Promise<void> {
  const seen = async () => (await figure(page, 'connections')()) === connections;
  try {
    await until(`${connections} connections`, seen, seenWithinMs);
  } catch (error) {
    throw new Error(await page.locator('body').innerText(), { cause: error });
  }
}

async function signIn(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [id, value] of Object.entries(fields)) await page.locator(`#${id}`).fill(value);
  await page.locator(`#${Object.keys(fields).at(-1) ?? ''}`).press('Enter');
}

void test('two tabs of the dashboard', { skip: withoutBrowser, timeout: 300_000 }, async (t) => {
  const env = { SYNCKIT_DATA_DIR: await folder(t), JWT_SECRET: secret, SYNCKIT_NODE_ID: 'the-node', ...cheap };
  await command(env, ['user', 'add', right.email, '--admin'], `${right.password}\n`);
  const to = await server(t, env);
  const browser = await openBrowser(t);
  const [one, two] = [await openTab(browser), await openTab(browser, { colorScheme: 'dark' })];
  for (const { page } of [one, two]) {
    await page.goto(`${to.http}/admin`);
    await page.locator('#token').waitFor();
    t.equal(await page.locator('#nodes tr').count(), 0, 'nothing is told without a token');
  }

  await t.test('who is no administrator is refused', async (t) => {
    await signIn(one.page, { token: token('ann', everything) });
    await one.page.getByText('Admin permission required').waitFor();
    await signIn(two.page, { email: right.email, password: 'guess' });
    await two.page.getByText('Invalid credentials').waitFor();
    t.equal(await one.page.locator('#nodes tr').count(), 0);
  });

  await t.test('the node, and counts that change', async (t) => {
    await signIn(one.page, { token: token('root', { admin: true }) });
    await signIn(two.page, { email: right.email, password: right.password });
    for (const { page } of [one, two]) {
      await page.locator('#nodes tr').waitFor();
      t.match(await page.locator('#nodes').innerText(), /the-node this one\s+running/);
      await shows(page, '0');
    }
    const ann = await client(t, to, { token: token('ann', everything) });
    await ann.subscribe('plan');
    for (const { page } of [one, two]) {
      await shows(page, '1');
      await page.locator('#documents tr', { hasText: 'plan' }).waitFor();
      await page.locator('#users tr', { hasText: 'ann' }).waitFor();
    }
    let writes = 0;
    await until('rates', async () => {
      for (let i = 0; i < 20; i++) await ann.acked(ann.set('plan', 'f', ++writes));
      return (await figure(two.page, 'writes')()) !== '0' && (await figure(two.page, 'ack')()).endsWith('ms');
    });
  });

  await t.test('a user is disconnected by a button', async (t) => {
    const bob = await client(t, to, { token: token('bob', everything) });
    const asked: string[] = [];
    one.page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog.accept();
    });
    await one.page.getByRole('button', { name: 'Disconnect bob' }).click();
    t.equal((await bob.end()).code, 4001);
    t.match(asked, ['End all connections of bob? They may come back.']);
    await shows(two.page, '1');
  });

  await t.test('a reload stays signed in, and signing out forgets the token and the data', async (t) => {
    await one.page.reload();
    await one.page.locator('#nodes tr').waitFor();
    await one.page.locator('#sign-out').click();
    await one.page.locator('#token').waitFor();
    t.equal(await one.page.locator('#nodes tr').count(), 0);
    await one.page.reload();
    await one.page.locator('#token').waitFor();
    const refused = /status of 40[13]/;
    t.same(
      [...one.problems, ...two.problems].filter((problem) => !refused.test(problem)),
      [],
    );
  });
});
