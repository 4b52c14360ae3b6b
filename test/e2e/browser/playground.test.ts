/** The playground in a real browser: two tabs that type at once, a reload, and a server that is killed meanwhile. */
import type { Page } from 'playwright-core';
import { test } from 'tap';
import { openBrowser, openTab, withoutBrowser } from '../../support/browser.js';
import { dataFolder, freePort, startServer, until } from '../../support/nodes/server.js';

const letters = 'the quick brown fox jumps over the lazy dog and runs away from it ';

const text = (page: Page): Promise<string> => page.locator('#text').inputValue();
const field = (page: Page, name: string) => page.locator(`[data-field="${name}"] input`);

/** Puts the caret behind so many characters. */
async function putCaret(page: Page, place: number): Promise<void> {
  await page.locator('#text').focus();
  await page.locator('#text').evaluate((area, at) => {
    (area as unknown as { setSelectionRange: (start: number, end: number) => void }).setSelectionRange(at, at);
  }, place);
}

async function addField(page: Page, name: string): Promise<void> {
  await page.locator('#new-field').fill(name);
  await page.locator('#new-field').press('Enter');
  await field(page, name).waitFor();
}

async function isStored(page: Page): Promise<boolean> {
  const states = ['#state[data-state="online"]', '#saved[data-saved="true"]'];
  return (await Promise.all(states.map((state) => page.locator(state).count()))).every((count) => count === 1);
}

void test('two tabs of the playground', { skip: withoutBrowser, timeout: 600_000 }, async (t) => {
  const data = await dataFolder();
  const env = { SYNCKIT_DATA_DIR: data.path, PORT: String(await freePort()) };
  let server = await startServer(env);
  t.teardown(async () => {
    await server.kill('SIGKILL');
    await data.remove();
  });
  const browser = await openBrowser(t);
  const [ann, bob] = [await openTab(browser), await openTab(browser)];
  for (const { page } of [ann, bob]) {
    await page.goto(`${server.http}/playground`);
    await page.locator('#text:enabled').waitFor();
  }
  await ann.page.locator('#name').fill('Ann');
  await bob.page.locator('#name').fill('Bob');
  const agree = (what: string) =>
    until(what, async () => {
      const [a, b] = [await text(ann.page), await text(bob.page)];
      return a === b && (await isStored(ann.page)) && (await isStored(bob.page));
    });

  await t.test('a text that both type at once, in different places', async (t) => {
    await ann.page.locator('#text').pressSequentially('<>');
    await until('the other tab to have it', async () => (await text(bob.page)) === '<>');
    await putCaret(ann.page, 1);
    await putCaret(bob.page, 2);
    await Promise.all([
      ann.page.keyboard.type(letters.repeat(2), { delay: 3 }),
      bob.page.keyboard.type(letters.toUpperCase().repeat(2), { delay: 3 }),
    ]);
    await agree('both to have the same text');
    t.equal(
      await text(bob.page),
      `<${letters.repeat(2)}>${letters.toUpperCase().repeat(2)}`,
      'no key is lost or displaced',
    );
  });

  await t.test('the cursor of the other is seen where it is', async (t) => {
    await putCaret(bob.page, 3);
    const caret = ann.page.locator('#mirror .caret[data-name="Bob"]');
    await caret.waitFor();
    const before = () =>
      caret.evaluate(
        (node) => (node as unknown as { previousSibling: { data?: string } | null }).previousSibling?.data ?? '',
      );
    await until('the cursor to be there', async () => (await before()) === '<th');
    t.match(await ann.page.locator('#peers').innerText(), /Ann \(you\)\s+Bob/);
  });

  await t.test('what is deleted and put in the middle of words', async () => {
    await putCaret(ann.page, 5);
    await putCaret(bob.page, 12);
    for (let round = 0; round < 10; round++) {
      await Promise.all([ann.page.keyboard.press('Backspace'), bob.page.keyboard.press('Delete')]);
      await Promise.all([ann.page.keyboard.insertText('é👨‍👩‍👧'), bob.page.keyboard.type('xy')]);
    }
    await agree('both to have the same text');
  });

  await t.test('fields that both edit', async (t) => {
    await addField(ann.page, 'title');
    await addField(bob.page, 'owner');
    await field(ann.page, 'owner').waitFor();
    await field(bob.page, 'title').waitFor();
    await Promise.all([
      field(ann.page, 'title').pressSequentially(letters, { delay: 3 }),
      field(bob.page, 'owner').pressSequentially(letters, { delay: 3 }),
    ]);
    for (const { page } of [ann, bob]) {
      for (const name of ['title', 'owner']) {
        await until(`${name} to arrive`, async () => (await field(page, name).inputValue()) === letters);
      }
    }
    await Promise.all([
      field(ann.page, 'title').fill('Ann’s'),
      field(bob.page, 'title').pressSequentially('!!', { delay: 3 }),
    ]);
    await agree('everything to be stored');
    await until('one value of the field that both wrote', async () => {
      return (await field(ann.page, 'title').inputValue()) === (await field(bob.page, 'title').inputValue());
    });
    await field(bob.page, 'owner').locator('xpath=..').getByRole('button').click();
    await field(ann.page, 'owner').waitFor({ state: 'detached' });
    t.equal(await field(bob.page, 'owner').count(), 0);
  });

  await t.test('frames are shown, and can be read', async (t) => {
    const row = ann.page.locator('#frames li[data-type="delta_batch"].out').last();
    await row.locator('summary').click();
    t.match(JSON.parse(await row.locator('pre').innerText()), { type: 'delta_batch', documentId: 'playground' });
    t.match(await ann.page.locator('#latency').innerText(), /ms$/);
    t.match(await ann.page.locator('#ack').innerText(), /ms$/);
  });

  await t.test('a reload', async (t) => {
    const before = await text(ann.page);
    await ann.page.reload();
    await ann.page.locator('#text:enabled').waitFor();
    t.equal(await text(ann.page), before);
    t.equal(await field(ann.page, 'title').inputValue(), await field(bob.page, 'title').inputValue());
  });

  await t.test('the server is killed while both type, and one tab is reloaded while it is away', async (t) => {
    for (const { page } of [ann, bob]) {
      await page.locator('#text').fill('');
      await agree('the text to be empty');
    }
    const rest = (page: Page, words: string) => page.locator('#text').pressSequentially(words, { delay: 12 });
    const typing = [rest(ann.page, letters), field(bob.page, 'title').pressSequentially(letters, { delay: 12 })];
    await until('some of it to arrive', async () => (await text(bob.page)).length > 10);
    await server.kill('SIGKILL');
    await Promise.all(typing);
    await ann.page.locator('#state[data-state="waiting"]').waitFor();
    t.equal(await text(ann.page), letters, 'typing goes on without the server');
    await t.rejects(ann.page.reload(), 'there is nobody to serve the page');
    server = await startServer(env);
    await ann.page.goto(`${server.http}/playground`);
    await ann.page.locator('#text:enabled').waitFor();
    await agree('both to have the same text');
    t.equal(await text(bob.page), letters, 'no key is lost');
    await until('the field to arrive', async () => {
      const value = await field(ann.page, 'title').inputValue();
      return value.endsWith(letters) && value === (await field(bob.page, 'title').inputValue());
    });
  });

  await t.test('what the server has received and not stored is sent again', async (t) => {
    server.child.kill('SIGSTOP');
    await field(bob.page, 'title').fill('on its way');
    await bob.page.locator('#frames li.out[data-type="delta_batch"]', { hasText: 'title = on its way' }).waitFor();
    await server.kill('SIGKILL');
    server = await startServer(env);
    await until('it to arrive', async () => (await field(ann.page, 'title').inputValue()) === 'on its way');
    t.same([...ann.problems, ...bob.problems], []);
  });
});
