/**
 * Runs the compiled tests with tap and ends with one line that counts them: `N passed, N failed, N skipped`.
 * Arguments are test files (compiled, `*.test.js`); without any, all of them.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tap = join(createRequire(import.meta.url).resolve('tap/package.json'), '../dist/esm/run.mjs');

const given = process.argv.slice(2);
const files = given.length > 0 ? given : ['dist/test', 'src/core-wasm/dist'].flatMap(testsIn);
if (files.length === 0) {
  console.error('there are no compiled tests: run npm run build first');
  process.exit(1);
}

const counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
let counted = false;
const child = spawn(process.execPath, [tap, '--reporter=tap', ...files], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let rest = '';
child.stdout.setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  lines.forEach(readLine);
});
child.on('close', (code) => {
  if (rest !== '') readLine(rest);
  const failed = counts.fail + (code !== 0 && counts.fail === 0 ? 1 : 0);
  console.log(`${counts.pass} passed, ${failed} failed, ${counts.skip + counts.todo} skipped`);
  process.exit(code === 0 && counted && counts.pass > 0 && failed === 0 ? 0 : 1);
});

/** Shows a line of the TAP stream unless it only says that something passed, and counts at its end. */
function readLine(line) {
  const summary = /^# \{(.*)\}$/.exec(line);
  if (summary !== null) {
    for (const [, key, value] of summary[1].matchAll(/(\w+): (\d+)/g)) if (key in counts) counts[key] = Number(value);
    counts.pass = Number(/pass: (\d+)/.exec(summary[1])?.[1] ?? 0);
    counted = true;
  }
  if (!/^\s+(ok|#|1\.\.)/.test(line)) console.log(line);
}

function testsIn(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.test.js'))
    .sort();
}
