/** Several processes and threads on one folder, and processes that are killed or may not write any more. */

import { fork, spawn } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { newSeed, randomFrom } from '../contract/random.js';
import { expectedRows, onlyRow, randomWrites, rowsOf } from '../contract/storage-rows.js';
import { newFolder, openIn } from './folder.js';
import type { LimitedOutcome } from './limited-writer.js';
import type { WriterTask } from './writer.js';

const seed = newSeed();
const writerFile = fileURLToPath(new URL('./writer.js', import.meta.url));

/** Starts a writer and returns how to let it go. */
type Start = (task: WriterTask) => { readonly writer: EventEmitter; readonly go: () => unknown };

const kinds: Record<string, Start> = {
  processes: (task) => {
    const writer = fork(writerFile, [JSON.stringify(task)]);
    return { writer, go: () => writer.send('go') };
  },
  'worker threads': (task) => {
    const writer = new Worker(writerFile, { workerData: task });
    return { writer, go: () => writer.postMessage('go') };
  },
};

for (const [kind, start] of Object.entries(kinds)) {
  void t.test(`two ${kind} write the same fields in opposite order (SEED=${seed})`, async (t) => {
    const directory = await newFolder(t);
    const tasks = [false, true].map((backwards) => ({ directory, seed, rows: 1_200, backwards }));
    const writers = tasks.map(start);
    const said = () => Promise.all(writers.map(({ writer }) => messageOrExit(writer)));
    t.same(await said(), ['ready', 'ready']);
    const last = said();
    for (const { go } of writers) go();
    t.same(await last, ['done', 'done']);
    const storage = openIn(t, directory);
    for (const [documentId, rows] of expectedRows(randomWrites(randomFrom(seed), 1_200))) {
      t.strictSame(await rowsOf(storage, documentId), rows);
    }
  });
}

void t.test(`what a process said it committed survives kill -9 (SEED=${seed})`, async (t) => {
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
    // The last commit may have been written without a word, but not a part of it.
    const last = Math.max(...log!.fields.map(({ counter }) => counter));
    t.equal(log!.stamp, last);
    t.equal((await onlyRow(storage, 'left')).counter, last);
    t.equal((await onlyRow(storage, 'right')).counter, last);
    acknowledged = last;
    await storage.close();
  }
});

void t.test('a commit that meets an error of the disk writes nothing; later ones work', async (t) => {
  const directory = await newFolder(t);
  const script = fileURLToPath(new URL('./limited-writer.js', import.meta.url));
  // 32 768 blocks are 16 or 32 MiB, after the shell.
  const child = spawn('/bin/sh', ['-c', 'ulimit -f 32768; exec "$0" "$@"', process.execPath, script, directory], {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'], // LMDB has much to say about it
  });
  const outcome = (await messageOrExit(child)) as LimitedOutcome;
  for (const rejection of outcome.rejections) t.match(rejection, /did not take a commit/);
  t.same(outcome.pathsAfter, [
    ['after0', 'stamp 0'],
    ['after0', 'after1', 'stamp 1'],
    ['after0', 'after1', 'after2', 'stamp 2'],
  ]);
});

/** Starts a writer, kills it after some acknowledged commits, and returns the last of them. */
async function writeUntilKilled(directory: string, first: number, commits: number, delayMs: number): Promise<number> {
  const script = fileURLToPath(new URL('./endless-writer.js', import.meta.url));
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
    throw new Error(`The writer ended with ${String(code ?? signal)} and said nothing`);
  });
  const [message] = (await Promise.race([once(writer, 'message'), exited])) as unknown[];
  return message;
}
