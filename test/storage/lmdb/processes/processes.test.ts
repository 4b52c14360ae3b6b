/** Several processes and threads on one folder, and processes that are killed or may not write any more. */

import { fork, spawn } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { newSeed, randomFrom } from '../../../contract/random.js';
import { expectedRows, onlyRow, randomWrites, rowsOf } from '../../../contract/storage-rows.js';
import { updatesOf } from '../../../contract/storage-text.js';
import { newFolder, openIn } from '../temporary-folder.js';
import type { LimitedOutcome } from './limited-writer.js';
import { join } from '../../numbers-text.js';
import type { TextWriterTask } from './text-writer.js';
import type { WriterTask } from './writer.js';

const seed = newSeed();

/** Starts a writer and returns how to let it go. */
type Start = (
  file: string,
  task: WriterTask | TextWriterTask,
) => { readonly writer: EventEmitter; readonly go: () => unknown };

const kinds: Record<string, Start> = {
  processes: (file, task) => {
    const writer = fork(pathOf(file), [JSON.stringify(task)]);
    return { writer, go: () => writer.send('go') };
  },
  'worker threads': (file, task) => {
    const writer = new Worker(pathOf(file), { workerData: task });
    return { writer, go: () => writer.postMessage('go') };
  },
};

for (const [kind, start] of Object.entries(kinds)) {
  void t.test(`two ${kind} write the same fields in opposite order (SEED=${seed})`, async (t) => {
    const directory = await newFolder(t);
    const tasks = [false, true].map((backwards) => ({ directory, seed, rows: 1_200, backwards }));
    await runTogether(tasks.map((task) => start('./writer.js', task)));
    const storage = openIn(t, directory);
    for (const [documentId, rows] of expectedRows(randomWrites(randomFrom(seed), 1_200))) {
      t.strictSame(await rowsOf(storage, documentId), rows);
    }
  });

  void t.test(`two ${kind} append to one text and compact it at once (SEED=${seed})`, async (t) => {
    const directory = await newFolder(t);
    const numbers = [0, 1].map((writer) => Array.from({ length: 200 }, (_, i) => 2 * i + writer));
    const tasks = numbers.map((numbers, i) => ({ directory, seed: seed + i, numbers }));
    await runTogether(tasks.map((task) => start('./text-writer.js', task)));
    const updates = await updatesOf(openIn(t, directory));
    t.strictSame(join(updates), new Set(numbers.flat()), 'nothing is lost');
    t.ok(updates.length < 100, `${updates.length} updates are left`);
  });
}

void t.test(`what a process acknowledged survives kill -9 (SEED=${seed})`, async (t) => {
  const directory = await newFolder(t);
  const random = randomFrom(seed);
  let acknowledged = 0;
  for (let round = 0; round < 10; round++) {
    acknowledged = await writeUntilKilled(directory, acknowledged + 1, 1 + random.below(40), random.below(4));
    const storage = openIn(t, directory);
    const [log] = await storage.load(['log']);
    const written = new Set(log!.fields.map(({ path }) => path));
    const lost = Array.from({ length: acknowledged }, (_, i) => String(i + 1)).filter((n) => !written.has(n));
    t.same(lost, [], `round ${round}: ${acknowledged} commits are there`);
    // The last commit may be written without an acknowledgement, but never partially.
    const last = Math.max(...log!.fields.map(({ counter }) => counter));
    t.equal(log!.stamp, last);
    t.equal((await onlyRow(storage, 'left')).counter, last);
    t.equal((await onlyRow(storage, 'right')).counter, last);
    t.strictSame(join(log!.text), new Set(Array.from({ length: last }, (_, i) => i + 1)), 'the text is whole');
    acknowledged = last;
    await storage.close();
  }
});

void t.test('a commit that meets an error of the disk writes nothing; later ones work', async (t) => {
  const directory = await newFolder(t);
  const script = pathOf('./limited-writer.js');
  // 32 768 blocks are 16 or 32 MiB, after the shell.
  const child = spawn('/bin/sh', ['-c', 'ulimit -f 32768; exec "$0" "$@"', process.execPath, script, directory], {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'], // LMDB writes many lines to stderr
  });
  const outcome = (await messageOrExit(child)) as LimitedOutcome;
  for (const rejection of outcome.rejections) t.match(rejection, /refused a commit/);
  t.same(outcome.pathsAfter, [
    ['after0', 'stamp 0', '1 updates'],
    ['after0', 'after1', 'stamp 1', '2 updates'],
    ['after0', 'after1', 'after2', 'stamp 2', '3 updates'],
  ]);
});

/** Lets writers go when all are ready, and waits until they have written. */
async function runTogether(writers: readonly ReturnType<Start>[]): Promise<void> {
  const said = (message: string) =>
    Promise.all(
      writers.map(async ({ writer }) => {
        const said = await messageOrExit(writer);
        if (said !== message) throw new Error(`A writer sent ${String(said)}`);
      }),
    );
  await said('ready');
  const done = said('done');
  for (const { go } of writers) go();
  await done;
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Starts a writer, kills it after some acknowledged commits, and returns the last of them. */
async function writeUntilKilled(directory: string, first: number, commits: number, delayMs: number): Promise<number> {
  const script = pathOf('./endless-writer.js');
  const child = spawn(process.execPath, [script, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last = first - 1;
  for await (const line of createInterface(child.stdout)) {
    last = Number(line);
    // Some time later, so that it dies at any moment of a commit and not only at the start of one.
    if (last === first + commits) setTimeout(() => child.kill('SIGKILL'), delayMs);
  }
  return last;
}

/** The next message of a process or a thread; rejects when it ends without one. */
async function messageOrExit(writer: EventEmitter): Promise<unknown> {
  const exited = once(writer, 'exit').then(([code, signal]) => {
    throw new Error(`The writer ended with ${String(code ?? signal)} without a message`);
  });
  const [message] = (await Promise.race([once(writer, 'message'), exited])) as unknown[];
  return message;
}
