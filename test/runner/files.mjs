/** Which compiled test files there are, which of them need servers, and in which order they run. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

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

/** Where random faults and orders look for lost or diverging data: what they find once, in whatever run, is a fault. */
const triedOnce = ['test/chaos/', 'test/integration/convergence/'];

/** The slow files, with their seconds, the slowest first. A file that is missing here counts as fast. */
const slowest = Object.keys(JSON.parse(readFileSync(join(import.meta.dirname, 'durations.json'), 'utf8')));

/** @param kind `unit`, `integration` or `all`. @returns Compiled files, relative to the package, the longest first. */
export function testFiles(kind) {
  const files = ['dist/test', 'src/core-wasm/dist'].flatMap(testsIn);
  return files.filter((file) => kind === 'all' || kindOf(file) === kind).sort(longestFirst);
}

/** Unit tests of a part that run in one process: starting one costs as much as most of them. */
const TOGETHER = 8;

/** @returns The files as they run: those of a batch in one process, integration tests alone. */
export function batches(files) {
  const all = [];
  /** By part, the batch that is not full. */
  const open = new Map();
  for (const file of files) {
    const part = partOf(file);
    const batch = kindOf(file) === 'unit' ? open.get(part) : undefined;
    if (batch !== undefined && batch.length < TOGETHER) batch.push(file);
    else {
      all.push([file]);
      if (kindOf(file) === 'unit') open.set(part, all.at(-1));
    }
  }
  return all;
}

/** @returns The folder of a part of the server, such as `dist/test/shard`, and the whole of the core. */
export function partOf(file) {
  return dirname(file).split('/').slice(0, 3).join('/');
}

/** @returns `unit` or `integration`. */
export function kindOf(file) {
  const source = sourceOf(file);
  const isTop = /^test\/[^/]+$/.test(source);
  return isTop || integration.some((folder) => source.startsWith(folder)) ? 'integration' : 'unit';
}

/** @returns Whether a failure of the file counts even if it passes the next time. */
export function isTriedOnce(file) {
  return triedOnce.some((folder) => sourceOf(file).startsWith(folder));
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
