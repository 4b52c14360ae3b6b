/** Which compiled test files there are, which of them need servers, and in which order they run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

/**
 * Where tests start servers or other processes, such as Postgres, Redis, the server itself, or what writes to a disk until it
 * is killed. Files right in `test/` and those in `test/lists/` check the package as a whole. All others are unit tests,
 * and starting a server fails in them.
 */
const integration = [
  'test/chaos/',
  'test/cluster/redis/',
  'test/e2e/',
  'test/import/',
  'test/integration/',
  'test/lists/',
  'test/runner/',
  'test/storage/lmdb/',
  'test/storage/postgres/',
];

/** The slow files, with their seconds, the slowest first. A file that is missing here counts as fast. */
const slowest = Object.keys(JSON.parse(readFileSync(join(import.meta.dirname, 'durations.json'), 'utf8')));

/** @param kind `unit`, `integration` or `all`. @returns Compiled files, relative to the package, the longest first. */
export function testFiles(kind) {
  const files = ['dist/test', 'src/core-wasm/dist'].flatMap(testsIn);
  return files.filter((file) => kind === 'all' || kindOf(file) === kind).sort(longestFirst);
}

/** @returns `unit` or `integration`. */
export function kindOf(file) {
  const source = sourceOf(file);
  const isTop = /^test\/[^/]+$/.test(source);
  return isTop || integration.some((folder) => source.startsWith(folder)) ? 'integration' : 'unit';
}

/** `dist/test/log.test.js` is compiled from `test/log.test.ts`. */
function sourceOf(file) {
  return file.replace(/^dist\/|(?<=^src\/core-wasm\/)dist\//, '').replace(/\.js$/, '.ts');
}

/** A long file that starts last would run alone at the end. */
function longestFirst(a, b) {
  return placeOf(a) - placeOf(b) || (a < b ? -1 : 1);
}

function placeOf(file) {
  const place = slowest.indexOf(sourceOf(file));
  return place === -1 ? slowest.length : place;
}

function testsIn(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.test.js'));
}
