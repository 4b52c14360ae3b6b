/** The playground where it could lose what was typed: input methods, long histories, refusals, and documents that end. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'tap';
import { openBrowser, openTab, seenWithinMs, withoutBrowser } from '../../support/browser.js';
import { folder, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

const PASTED = 4_000;

const text = (page: Page): Promise<string> => page.locator('#text').inputValue();
const shows = (page: Page, expected: string): Promise<void> =>
  until(`the text to be ${expected.slice(0, 40)}`, async () => (await text(page)) === expected, seenWithinMs);

void test('the playground loses nothing silently', { skip: withoutBrowser, timeout: 600_000 }, async (t) => {
  const schemas = await folder(t);
  const rules = { 'x-document-prefix': 'ruled', type: 'object', properties: { age: { type: 'integer' } } };
  await writeFile(join(schemas, 'ruled.json'), JSON.stringify(rules));
  const to = await server(t, { JWT_SECRET: secret, SCHEMA_DIR: schemas });
  const root = token('root', { admin: true, read: ['*'], write: ['*'] });
  const browser = await openBrowser(t);
  const problems: string[][] = [];
  const open = async (documentId: string): Promise<Page> => {
    const tab = await openTab(browser);
    problems.push(tab.problems);
    await tab.page.goto(`${to.http}/playground?document=${documentId}#token=${root}`);
    await tab.page.locator('#text:enabled').waitFor();
    await tab.page.locator('#text').focus();
    return tab.page;
  };
  const order = async (method: string, path: string): Promise<void> => {
    const { status } = await fetch(`${to.http}/documents/${path}`, {
      method,
      headers: { Authorization: `Bearer ${root}` },
    });
    if (status !== 204) throw new Error(`${method} ${path}: ${status}`);
  };

  await t.test('an input method is at work while somebody else types', async () => {
    const [ann, bob] = [await open('composed'), await open('composed')];
    const received: string[] = [];
    ann.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => received.push(String(payload))));
    await ann.reload();
    await ann.locator('#text:enabled').waitFor();
    await ann.locator('#text').focus();
    await ann.keyboard.type('hello ');
    await shows(bob, 'hello ');
    const devtools = await ann.context().newCDPSession(ann);
    const compose = (shown: string) =>
      devtools.send('Input.imeSetComposition', {
        ...{ text: shown, selectionStart: shown.length, selectionEnd: shown.length },
      });
    await compose('k');
    await bob.keyboard.press('Control+Home');
    await bob.keyboard.insertText('Bob says ');
    await until('it to have come', () => received.some((frame) => frame.includes('Bob says ')), seenWithinMs);
    await compose('か');
    await compose('かん');
    await devtools.send('Input.insertText', { text: '感' });
    await shows(ann, 'Bob says hello 感');
    await shows(bob, 'Bob says hello 感');
  });

  await t.test('as much is pasted and deleted as would be too much for a message, key by key', async (t) => {
    const [ann, bob] = [await open('long'), await open('long')];
    const letters = 'abcdefghi '.repeat(PASTED / 10);
    for (let round = 0; round < 7; round++) {
      await ann.keyboard.press('Control+A');
      await ann.keyboard.press('Delete');
      await ann.keyboard.insertText(`${round}${letters}`);
      await shows(bob, `${round}${letters}`);
    }
    await ann.locator('#saved[data-saved="true"]').waitFor();
    await ann.keyboard.insertText('z'.repeat(PASTED));
    await ann.getByText('The text is full: it holds 5000 characters.').waitFor();
    await until('what has room to arrive', async () => (await text(bob)).length === 5_000);
    t.equal(await text(ann), await text(bob));
  });

  await t.test('a field is refused, and the text that was sent with it is not', async (t) => {
    const [ann, bob] = [await open('ruled'), await open('ruled')];
    // Both are written within one turn of the page, so that they leave together.
    await ann.evaluate(() => {
      interface Input {
        value: string;
        form: { requestSubmit: () => void };
        setRangeText: (text: string) => void;
        dispatchEvent: (event: Event) => void;
      }
      const page = globalThis as unknown as { document: { getElementById: (id: string) => Input } };
      const [area, field] = [page.document.getElementById('text'), page.document.getElementById('new-field')];
      field.value = 'age';
      field.form.requestSubmit();
      area.setRangeText('written');
      area.dispatchEvent(new Event('input'));
    });
    await ann.locator('#problem', { hasText: 'Validation failed: /age must be integer' }).waitFor();
    await shows(bob, 'written');
    await ann.locator('[data-field="age"]').waitFor({ state: 'detached' });
    t.ok(await ann.locator('#problem').isVisible(), 'the ack of the text does not hide why the field is gone');
  });

  await t.test('the document is deleted, restored and erased while it is open', async (t) => {
    const [ann, bob] = [await open('ended'), await open('ended')];
    await ann.keyboard.type('before');
    await shows(bob, 'before');
    await order('DELETE', 'ended');
    await ann.locator('#problem', { hasText: 'Document deleted' }).waitFor();
    await ann.keyboard.type(' and after');
    await ann.locator('#saved[data-saved="false"]').waitFor();
    await order('POST', 'ended/restore');
    await shows(bob, 'before and after');
    await ann.locator('#saved[data-saved="true"]').waitFor();
    await bob.keyboard.press('Control+End');
    await bob.keyboard.type('!');
    await shows(ann, 'before and after!');
    await order('DELETE', 'ended?hard=true');
    await shows(ann, '');
    await shows(bob, '');
    await ann.keyboard.type('anew');
    await ann.locator('#problem', { hasText: 'Text erased' }).waitFor();
    t.equal(await ann.locator('#saved').innerText(), 'not stored');
  });

  t.same(problems.flat(), []);
});
