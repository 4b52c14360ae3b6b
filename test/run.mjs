/**
 * Runs the compiled tests, each file in a process of its own, and ends with one line that counts them:
 * `N passed, N failed, N skipped`. Arguments are test files (compiled, `*.test.js`); without any, all of them.
 *
 * All tests together share one Postgres: that of TEST_DATABASE_URL, or one that is started here. A file that is run by
 * itself starts its own if it needs one.
 *
 * Plain node instead of tap's runner: that one puts loaders into every process and thread that a test starts, so the
 * servers under test would not be the ones that users run.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const jobs = Number(process.env.JOBS ?? Math.min(2, availableParallelism()));
const timeoutMs = Number(process.env.TEST_TIMEOUT_MS ?? 300_000);

const given = process.argv.slice(2);
const files = given.length > 0 ? given : ['dist/test', 'src/core-wasm/dist'].flatMap(testsIn);
if (files.length === 0) {
  console.error('there are no compiled tests: run npm run build first');
  process.exit(1);
}

const postgres = given.length > 0 || process.env.TEST_DATABASE_URL ? undefined : await startPostgres();
const database = postgres === undefined ? {} : { TEST_DATABASE_URL: postgres.url };
process.once('SIGINT', () => void end(130));
process.once('SIGTERM', () => void end(143));

const total = { pass: 0, fail: 0, skip: 0, todo: 0 };
const waiting = [...files];
await Promise.all(Array.from({ length: jobs }, work));
console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip + total.todo} skipped`);
await end(total.fail === 0 && total.pass > 0 ? 0 : 1);

async function end(code) {
  await postgres?.stop();
  process.exit(code);
}

async function startPostgres() {
  const { startPostgres } = await import(pathToFileURL(join(root, 'dist/test/support/postgres-server.js')));
  return startPostgres();
}

async function work() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file);
}

/** Runs one file; shows what it printed only if something in it failed. */
async function run(file) {
  const started = performance.now();
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // The limit of a file is ours: tap's own would end it earlier on a busy machine.
    env: { ...process.env, ...database, TAP_TIMEOUT: String(timeoutMs / 1_000), TAP_DIAG: '1' },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  const counts = summary(output);
  // A file that ends badly, or counts nothing, has failed whatever it says.
  if ((code !== 0 || counts.pass === 0) && counts.fail === 0) counts.fail = 1;
  for (const key of Object.keys(total)) total[key] += counts[key];
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`${counts.fail === 0 ? 'ok' : 'FAILED'}  ${file}  ${counts.pass} passed, ${seconds} s`);
  if (counts.fail > 0)
    console.log(
      output
        .split('\n')
        .filter((line) => !/^\s+ok /.test(line))
        .join('\n'),
    );
}

/** The numbers of tap's closing comment, such as `# { total: 3, pass: 2, fail: 1 }`. */
function summary(output) {
  const counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
  const line = [...output.matchAll(/^# \{(.*)\}$/gm)].at(-1)?.[1] ?? '';
  for (const [, key, value] of line.matchAll(/(\w+): (\d+)/g)) if (key in counts) counts[key] = Number(value);
  return counts;
}

function testsIn(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.test.js'))
    .sort();
}
