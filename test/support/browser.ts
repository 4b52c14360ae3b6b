/** A real browser for tests of pages: Debian's Chromium, without a window. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const executablePath = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== undefined && existsSync(path),
);

/** Why tests with a browser are skipped; false when they are not. */
export const withoutBrowser =
  executablePath === undefined ? 'these tests need Chromium: apt-get install chromium, or its path in CHROMIUM' : false;

/** The longest that something may take to be seen in a page, in ms. */
export const seenWithinMs = 60_000;

interface Teardown {
  teardown(action: () => unknown): void;
}

export async function openBrowser(t: Teardown): Promise<Browser> {
  if (executablePath === undefined) throw new Error('there is no browser');
  // As root, Chromium has no sandbox; it sees only pages of this test.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  t.teardown(() => browser.close());
  return browser;
}

/** A page with storage of its own, and what went wrong in it: errors of scripts, and what its policy has refused. */
export async function openTab(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(seenWithinMs);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // A server that is away is no problem of the page.
    const isConnection = /WebSocket connection|ERR_CONNECTION|net::ERR_/.test(message.text());
    if (message.type() === 'error' && !isConnection) problems.push(message.text());
  });
  return { page, problems };
}
