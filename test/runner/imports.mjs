/** Which compiled files import which, to find the tests that a change concerns. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root } from './files.mjs';

/** Static and dynamic imports, and the URLs of modules that are started as workers. */
const specifiers = /(?:from|import|import\(|new URL\()\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/** @returns Those of the test files that are among the changed files, or import one of them, directly or not. */
export function concerned(testFiles, changed) {
  const tests = new Set(testFiles.map((file) => resolve(root, file)));
  const importers = importersOf(tests);
  const reached = new Set();
  const waiting = [...changed];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    waiting.push(...(importers.get(file) ?? []));
  }
  return testFiles.filter((file) => reached.has(resolve(root, file)));
}

/** By file: the files that import it, of all that the tests reach. */
function importersOf(tests) {
  const importers = new Map();
  const seen = new Set(tests);
  // A set is walked to its end, what is added meanwhile included.
  for (const file of seen) {
    for (const imported of importsOf(file)) {
      importers.set(imported, [...(importers.get(imported) ?? []), file]);
      seen.add(imported);
    }
  }
  return importers;
}

function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(specifiers)].map(([, specifier]) => join(dirname(file), specifier));
  // A package of this repository, which is compiled into a folder of its own.
  if (text.includes('@synckit/core-wasm')) found.push(join(root, 'src/core-wasm/dist/lib/index.js'));
  return found.filter((path) => path.endsWith('.js') && existsSync(path));
}
