/** Every block of commands in the documentation says which test runs it, or why none does. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';

/** Folders whose pages are not this project's. Those of GitHub begin with a dot, and are templates. */
const skipped = new Set(['node_modules', 'dist', 'build', 'data']);

function pagesIn(folder: string): string[] {
  return readdirSync(join(packageFolder, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') || skipped.has(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const pages = pagesIn('.');

for (const page of pages) {
  test(`${page}: its commands are run, or say why not`, (t) => {
    const text = readFileSync(join(packageFolder, page), 'utf8');
    for (const [, before = '', block = ''] of text.matchAll(/([^\n]*)\n\n?```(?:sh|console|python)\n([^]*?)```/g)) {
      const [, not, words = ''] = /^<!-- (not )?run: (.+) -->$/.exec(before) ?? [];
      t.ok(words !== '', `before ${JSON.stringify(block.slice(0, 60))}`);
      if (not !== undefined) continue;
      const files = words.match(/(?:test|\.ci)\/[\w./-]+\w/g) ?? [];
      t.ok(files.length > 0, words);
      for (const file of files) t.ok(existsSync(join(packageFolder, file)), file);
    }
    t.end();
  });
}
