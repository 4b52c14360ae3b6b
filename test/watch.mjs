/**
 * Builds on every change and runs the unit tests that it concerns: those that import what was changed. The WebAssembly
 * core is not built again; `npm run build` does that.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, testFiles } from './runner/files.mjs';
import { concerned } from './runner/imports.mjs';

/** What compiled files held after the last build, by path. */
let contents;
/** Files that changed since tests that they concern have passed. */
const pending = new Set();
let running;
let builds = Promise.resolve();

const compiler = spawn(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--watch'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
compiler.once('exit', (code) => process.exit(code ?? 1));
process.once('exit', () => compiler.kill());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop());
createInterface({ input: compiler.stdout }).on('line', (line) => {
  if (line.trim() !== '') console.log(line);
  if (/Found \d+ errors?\. Watching/.test(line)) builds = builds.then(built);
});

async function built() {
  const former = contents;
  contents = hashes();
  if (former === undefined) return;
  for (const [file, hash] of contents) if (former.get(file) !== hash) pending.add(file);
  const files = concerned(testFiles('unit'), pending);
  await end();
  if (files.length === 0) return;
  running = spawn(process.execPath, [join(root, 'test/run.mjs'), ...files], { cwd: root, stdio: 'inherit' });
  running.once('exit', (code) => {
    if (code === 0) pending.clear();
  });
}

/** Ends the tests of the change before. */
async function end() {
  const former = running;
  running = undefined;
  if (former === undefined || former.exitCode !== null || former.signalCode !== null) return;
  const ended = new Promise((resolve) => former.once('exit', resolve));
  former.kill('SIGTERM');
  await ended;
}

async function stop() {
  await end();
  process.exit(130);
}

function hashes() {
  const files = readdirSync(join(root, 'dist'), { recursive: true }).filter((file) => file.endsWith('.js'));
  const hash = (path) => createHash('sha1').update(readFileSync(path)).digest('hex');
  return new Map(files.map((file) => join(root, 'dist', file)).map((path) => [path, hash(path)]));
}
