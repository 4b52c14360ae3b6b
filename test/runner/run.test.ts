/** The runner itself: what it leaves behind, how it counts, and which files it runs when. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { z } from 'zod';
import { packageFolder } from '../../src/version.js';
import { until } from '../support/nodes/server.js';

const fixtures = 'test/runner/fixtures';

interface Run {
  readonly child: ChildProcess;
  /** The exit code and everything that was printed, when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  /** Ids of the processes that the test file starts, once they run. */
  readonly started: () => Promise<readonly number[]>;
}

async function run(t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'synckit-runner-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const pids = join(folder, 'pids.json');
  const child = spawn(process.execPath, ['test/run.mjs', ...args], {
    cwd: packageFolder,
    env: { ...process.env, PIDS: pids, TEST_GRACE_MS: '200', RUN_AGAIN: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return {
    child,
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, output })),
    async started() {
      await until('the test file to start its processes', () => existsSync(pids));
      return z
        .array(z.number())
        .length(2)
        .parse(JSON.parse(await readFile(pids, 'utf8')));
    },
  };
}

/** Those that run; the dead whom nobody has asked for do not. */
async function alive(pids: readonly number[]): Promise<number[]> {
  const states = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX (dead)')),
  );
  return pids.filter((_, i) => !/^State:\s+[ZX]/m.test(states[i]!));
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split('\n').at(-1);
}

test('what a test file leaves behind ends with it', async (t) => {
  const { ended, started } = await run(t, [`${fixtures}/leaves-behind.mjs`]);
  const { code, output } = await ended;
  t.equal(code, 0);
  t.equal(lastLine(output), '1 passed, 0 failed, 0 skipped');
  t.strictSame(await alive(await started()), []);
});

test('a file that takes too long fails, and its processes end', async (t) => {
  const env = { FOREVER: '1', TEST_TIMEOUT_MS: '8000' };
  const { ended, started } = await run(t, [`${fixtures}/leaves-behind.mjs`], env);
  const { code, output } = await ended;
  t.equal(code, 1);
  t.match(output, /longer than 8000 ms/);
  t.match(lastLine(output), /^0 passed, [1-9]\d* failed, 0 skipped$/);
  t.strictSame(await alive(await started()), []);
});

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends all that runs and starts nothing more`, async (t) => {
    const file = `${fixtures}/leaves-behind.mjs`;
    const { child, ended, started } = await run(t, [file, file, file], { FOREVER: '1', JOBS: '1' });
    const pids = await started();
    t.strictSame(await alive(pids), pids);
    child.kill(signal);
    t.equal((await ended).code, expected);
    t.strictSame(await alive(pids), []);
  });
}

test('a file in which no test runs has failed', async (t) => {
  const { code, output } = await (await run(t, [`${fixtures}/no-tests.mjs`])).ended;
  t.equal(code, 1);
  t.equal(lastLine(output), '0 passed, 1 failed, 0 skipped');
});

test('a file that skips all of its tests has not failed', async (t) => {
  const files = [`${fixtures}/skips-all.mjs`, `${fixtures}/leaves-behind.mjs`];
  const { code, output } = await (await run(t, files)).ended;
  t.equal(code, 0);
  t.equal(lastLine(output), '1 passed, 0 failed, 1 skipped');
});

for (const [again, always, code, line] of [
  ['0', '', 1, '1 passed, 1 failed, 0 skipped'],
  ['1', '', 0, '2 passed, 0 failed, 0 skipped'],
  ['1', '1', 1, '1 passed, 1 failed, 0 skipped'],
] as const) {
  const title = `a file that fails ${always ? 'twice' : 'once'}, where ${again} may run again`;
  test(title, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'synckit-runner-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const env = { RUN_AGAIN: again, ALWAYS: always, ONCE: join(folder, 'once') };
    const files = [`${fixtures}/fails-once.mjs`, `${fixtures}/leaves-behind.mjs`];
    const { code: ended, output } = await (await run(t, files, env)).ended;
    t.equal(ended, code);
    t.equal(lastLine(output), line);
    t.match(output, /^FAILED .*fails-once/m, 'what it printed at first is shown');
    t.equal(/^flaky, .*fails-once/m.test(output), code === 0);
  });
}

test('more failures than may run again are no accident', async (t) => {
  const files = [`${fixtures}/no-tests.mjs`, `${fixtures}/no-tests.mjs`];
  const { code, output } = await (await run(t, files, { RUN_AGAIN: '1' })).ended;
  t.equal(code, 1);
  t.equal(output.match(/^FAILED/gm)?.length, 2);
});

test('what looks for lost data gets no second chance', async (t) => {
  for (const folder of ['chaos', 'integration/convergence']) {
    const file = `dist/test/${folder}/fails-once-${process.pid}.mjs`;
    const once = join(packageFolder, `${file}.once`);
    await copyFile(join(packageFolder, fixtures, 'fails-once.mjs'), join(packageFolder, file));
    t.teardown(() => Promise.all([rm(join(packageFolder, file)), rm(once)]));
    const { code, output } = await (await run(t, [file], { RUN_AGAIN: '1', ONCE: once })).ended;
    t.equal(code, 1);
    t.equal(lastLine(output), '0 passed, 1 failed, 0 skipped');
  }
});

test('of several files the slowest are named before the last line', async (t) => {
  const files = [`${fixtures}/no-tests.mjs`, `${fixtures}/leaves-behind.mjs`];
  const { output } = await (await run(t, files, { JOBS: '1' })).ended;
  const [, slowest = ''] = output.split('slowest:\n');
  t.match(slowest.split('\n')[0], /leaves-behind/);
  t.equal(lastLine(output), '1 passed, 1 failed, 0 skipped');
});

async function list(t: Test, ...args: string[]): Promise<string[]> {
  const { code, output } = await (await run(t, [...args, '--list'])).ended;
  t.equal(code, 0);
  return output.trimEnd().split('\n');
}

test('a file is a unit test or an integration test', async (t) => {
  const [all, unit, integration] = [await list(t), await list(t, '--unit'), await list(t, '--integration')];
  t.strictSame([...unit, ...integration].sort(), [...all].sort());
  t.ok(unit.includes('dist/test/shard/shard-writes.test.js'));
  t.ok(unit.includes('src/core-wasm/dist/test/model.test.js'));
  for (const name of ['docs', 'e2e/sdk', 'chaos/kill', 'cluster/redis/bus', 'storage/postgres/rows']) {
    t.ok(integration.includes(`dist/test/${name}.test.js`), name);
  }
});

test('the longest files start first: all that are listed as slow exist, and stand in order', async (t) => {
  const text = await readFile(join(packageFolder, 'test/runner/durations.json'), 'utf8');
  const slow = Object.entries(z.record(z.string(), z.number().positive()).parse(JSON.parse(text)));
  t.not(slow.length, 0);
  for (const [file] of slow) t.ok(existsSync(join(packageFolder, file)), file);
  t.strictSame(
    slow.map(([, seconds]) => seconds),
    slow.map(([, seconds]) => seconds).sort((a, b) => b - a),
  );
  const compiled = slow.map(([file]) =>
    file
      .replace(/^test\//, 'dist/test/')
      .replace('core-wasm/', 'core-wasm/dist/')
      .replace(/\.ts$/, '.js'),
  );
  t.strictSame((await list(t)).slice(0, slow.length), compiled);
});
