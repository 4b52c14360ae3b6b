/**
 * Runs the compiled tests and ends with one line that counts them: `N passed, N failed, N skipped`. Integration tests have
 * a process for each file, unit tests one for some files of a folder. Arguments are test files (compiled, `*.test.js`), or
 * `--unit` or `--integration` for one kind of them; without any, all run, the longest first. `--list` only names them in
 * that order.
 *
 * All tests together share one Postgres: that of TEST_DATABASE_URL, or one that is started here. A file that is run by
 * itself starts its own if it needs one. What a file leaves behind is ended with it.
 *
 * With `RUN_AGAIN=N`, up to N files that failed run once more, alone, after all others: one that passes then is named as
 * flaky, with what it printed at first, and does not fail the run. Files that look for lost data get no second chance.
 *
 * Plain node instead of tap's runner: that one puts loaders into every process and thread that a test starts, so the
 * servers under test would not be the ones that users run.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { batches, isTriedOnce, kindOf, partOf, root, testFiles } from './runner/files.mjs';
import { ProcessGroup } from './runner/process-group.mjs';
import { startSharedPostgres } from './runner/shared-postgres.mjs';

/** One more than there are cores: files that wait leave theirs idle. */
const jobs = Number(process.env.JOBS ?? Math.min(3, availableParallelism() + 1));
const timeoutMs = Number(process.env.TEST_TIMEOUT_MS ?? 300_000);
/** How many failures a run may try again: more of them are no accident. */
const runAgain = Number(process.env.RUN_AGAIN ?? 0);
/** How many files are named as the slowest. */
const SLOWEST = 10;

const { values, positionals: given } = parseArgs({
  allowPositionals: true,
  options: { unit: { type: 'boolean' }, integration: { type: 'boolean' }, list: { type: 'boolean' } },
});
const kind = values.unit === values.integration ? 'all' : values.unit === true ? 'unit' : 'integration';
const files = given.length > 0 ? given : testFiles(kind);
if (files.length === 0) {
  console.error('there are no compiled tests: run npm run build first');
  process.exit(1);
}
if (values.list === true) {
  console.log(files.join('\n'));
  process.exit(0);
}

/** The files that run. */
const groups = new Set();
const total = { pass: 0, fail: 0, skip: 0, todo: 0 };
const waiting = given.length > 0 ? files.map((file) => [file]) : batches(files);
const durations = [];
/** Batches that failed, with what they counted. */
const failures = [];
let postgres;
process.once('SIGINT', () => void stop(130));
process.once('SIGTERM', () => void stop(143));

const needsPostgres = given.length === 0 && kind !== 'unit' && !process.env.TEST_DATABASE_URL;
if (needsPostgres) postgres = await startSharedPostgres();
const database = postgres === undefined ? {} : { TEST_DATABASE_URL: postgres.url };
await Promise.all(Array.from({ length: jobs }, work));
const flaky = await tryAgain();
await postgres?.stop();
nameSlowest();
if (flaky.length > 0) console.log(`flaky, failed and then passed alone: ${flaky.join(', ')}\n`);
console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip + total.todo} skipped`);
process.exit(total.fail === 0 && total.pass > 0 ? 0 : 1);

/** Ends what runs, and then this process. */
async function stop(code) {
  waiting.length = 0;
  await Promise.all([...groups].map((group) => group.end()));
  await postgres?.stop();
  process.exit(code);
}

async function work() {
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) await run(batch);
}

/** @returns The names of the batches that failed at first and pass now. */
async function tryAgain() {
  const first = failures.splice(0);
  if (first.length > runAgain || first.some(({ batch }) => batch.some(isTriedOnce))) return [];
  for (const { batch, counts } of first) {
    for (const key of Object.keys(total)) total[key] -= counts[key];
    waiting.push(batch);
  }
  await work();
  return first.filter(({ batch }) => failures.every((again) => again.batch !== batch)).map(({ file }) => file);
}

/** Runs files in one process; shows what they printed only if something in them failed. */
async function run(batch) {
  const started = performance.now();
  const [first] = batch;
  const isAlone = batch.length === 1;
  const file = isAlone ? first : `${partOf(first)}/ (${batch.length} files)`;
  const args = isAlone ? [first] : [join(import.meta.dirname, 'runner', 'import-all.mjs'), ...batch];
  const group = new ProcessGroup(['--enable-source-maps', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...database,
      // The limit of a file is ours: tap's own would end it earlier on a busy machine.
      TAP_TIMEOUT: String(timeoutMs / 1_000),
      TEST_KIND: kindOf(first),
    },
  });
  groups.add(group);
  let output = '';
  const { stdout, stderr } = group.child;
  for (const stream of [stdout, stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const timer = setTimeout(() => {
    output += `\n${file} took longer than ${timeoutMs} ms\n`;
    void group.end();
  }, timeoutMs);
  const closed = new Promise((resolve) => group.child.once('close', resolve));
  const code = await group.exit;
  clearTimeout(timer);
  await group.end();
  await closed;
  groups.delete(group);
  const counts = summary(output);
  // A file that ends badly, or counts nothing, has failed whatever it says. One may skip all: it says what it lacks.
  if ((code !== 0 || counts.pass + counts.skip === 0) && counts.fail === 0) counts.fail = 1;
  for (const key of Object.keys(total)) total[key] += counts[key];
  if (counts.fail > 0) failures.push({ batch, file, counts });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  durations.push({ file, seconds });
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

/** The figures of test/runner/durations.json are from here. */
function nameSlowest() {
  if (durations.length < 2) return;
  console.log('\nslowest:');
  const slowest = durations.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { file, seconds } of slowest) console.log(`${seconds.padStart(6)} s  ${file}`);
  console.log('');
}
