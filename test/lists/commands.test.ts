/** Every block of commands in the documentation says which test runs it, or why none does. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { packageFolder } from '../../src/version.js';

const folders = ['.', 'docs', 'docs/operations', 'k6', 'grafana', 'src/core-wasm', 'src/storage'];
const pages = folders.flatMap((folder) =>
  readdirSync(join(packageFolder, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

for (const page of pages) {
  test(`${page}: its commands are run, or say why not`, (t) => {
    const text = readFileSync(join(packageFolder, page), 'utf8');
    for (const [, before = '', block = ''] of text.matchAll(/([^\n]*)\n\n?```(?:sh|python)\n([^]*?)```/g)) {
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
