import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';

const folders = [
  '.',
  'docs',
  'docs/decisions',
  'docs/operations',
  'src/storage',
  'k6',
  'grafana',
  'src/core-wasm',
  'bench/peers',
];
const pages = folders.flatMap((folder) =>
  readdirSync(join(packageFolder, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

function read(page: string): string {
  return readFileSync(join(packageFolder, page), 'utf8');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = read(page).matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

for (const page of pages) {
  test(`${page}: what it links to is there`, (t) => {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      t.ok(existsSync(join(packageFolder, file)), target);
      if (anchor !== undefined) t.ok(anchorsOf(file).has(anchor), target);
    }
    t.end();
  });

  test(`${page}: the files that it names are there`, (t) => {
    const named = read(page).matchAll(/`((?:src|test|bench|docs|k6|grafana|tools)\/[\w./-]*)/g);
    const bases = [packageFolder, join(packageFolder, dirname(page))];
    for (const [, path = ''] of named)
      t.ok(
        bases.some((base) => existsSync(join(base, path))),
        path,
      );
    t.end();
  });
}

test('docs/decisions/README.md lists every decision', (t) => {
  const index = read('docs/decisions/README.md');
  const decisions = readdirSync(join(packageFolder, 'docs/decisions')).filter((name) => /^\d{3}-/.test(name));
  t.ok(decisions.length > 0);
  for (const name of decisions) t.ok(index.includes(`](${name})`), name);
  t.end();
});
