import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { sections, variables } from '../src/config/variables/table.js';
import { generatedPages } from '../src/docs.js';
import type { ErrorKind } from '../src/error-codes.js';
import { errors } from '../src/errors.js';
import type { MetricSpec } from '../src/metrics/spec.js';
import { metrics } from '../src/metrics/table.js';
import { packageFolder } from '../src/version.js';

function read(path: string): string {
  return readFileSync(join(packageFolder, path), 'utf8');
}

/** What the expression captures in the text, sorted, each once. */
function captures(text: string, expression: RegExp): string[] {
  return [...new Set(Array.from(text.matchAll(expression), (match) => (match[1] ?? '').replace(/\s+/g, ' ')))].sort();
}

for (const page of generatedPages()) {
  test(`${page.path} is what its table says`, (t) => {
    t.equal(read(page.path), page.text, 'up to date; if not: npm run docs');
    t.end();
  });
}

test('docs/configuration.md has an entry for each variable and for nothing else', (t) => {
  const names = Object.values(variables).map(({ name }) => name);
  t.same(captures(read('docs/configuration.md'), /^### `(.+)`$/gm), names.sort());
  t.equal(new Set(names).size, names.length, 'no variable is there twice');
  const inSections = sections.flatMap((section) => Object.keys(section.variables));
  t.same(inSections.sort(), Object.keys(variables).sort(), 'every variable is in a section');
  t.end();
});

test('every variable that a document mentions exists', (t) => {
  const names = new Set(Object.values(variables).map(({ name }) => name));
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(join(packageFolder, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    for (const name of captures(read(page), /`((?:SYNCKIT|SYNC|WS|JWT|DB|SHUTDOWN)_[A-Z_]+)\b/g)) {
      t.ok(names.has(name), `${name} in ${page}`);
    }
  }
  t.end();
});

test('docs/metrics.md has an entry for each metric and for nothing else', (t) => {
  const names = Object.values<MetricSpec>(metrics).map(({ name }) => name);
  t.same(captures(read('docs/metrics.md'), /^### `(.+)`$/gm), names.sort());
  t.equal(new Set(names).size, names.length, 'no metric is there twice');
  t.end();
});

test('docs/errors.md has an entry for each code and for nothing else', (t) => {
  t.same(captures(read('docs/errors.md'), /^## `(.+)`$/gm), Object.keys(errors).sort());
  t.end();
});

test('the protocol names the same codes and beginnings of sentences as the table', (t) => {
  const protocol = read('docs/protocol.md');
  const section = protocol.slice(protocol.indexOf('## Errors'), protocol.indexOf('## Closing'));
  const ofProtocol = Object.entries<ErrorKind>(errors).filter(([, { isOfHttp }]) => isOfHttp !== true);
  t.same(captures(section, /`([A-Z]+(?:_[A-Z]+)*)`/g), ofProtocol.map(([code]) => code).sort());
  const sentences = Object.values<ErrorKind>(errors).map(({ sentence }) => sentence);
  const promised = captures(section, /“([^”]+)”/g);
  t.ok(promised.length >= 6);
  for (const beginning of promised) {
    t.ok(
      sentences.some((sentence) => sentence.startsWith(beginning)),
      beginning,
    );
  }
  t.end();
});

test('the rules of docs/protocol.md are numbered without gaps, each once', (t) => {
  const ids = Array.from(read('docs/protocol.md').matchAll(/^- \*\*([A-Z]{3})(\d+)\*\*/gm), ([, section = '', n]) => ({
    section,
    n: Number(n),
  }));
  t.ok(ids.length > 0);
  for (const section of new Set(ids.map((id) => id.section))) {
    const numbers = ids.filter((id) => id.section === section).map(({ n }) => n);
    t.same(
      numbers,
      Array.from(numbers, (_, at) => at + 1),
      section,
    );
  }
  t.end();
});
