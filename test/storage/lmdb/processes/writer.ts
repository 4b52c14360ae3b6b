/**
 * A process or a worker thread that writes the random rows of a seed into a folder, forwards or backwards, as soon as
 * it is told to go. Its siblings write the same rows.
 */

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openLmdbStorage } from '../../../../src/storage/lmdb/storage.js';
import { randomFrom } from '../../../contract/random.js';
import { commitsOf, randomWrites } from '../../../contract/storage-rows.js';

export interface WriterTask {
  readonly directory: string;
  readonly seed: number;
  readonly rows: number;
  readonly backwards: boolean;
}

const task = (isMainThread ? JSON.parse(process.argv[2]!) : workerData) as WriterTask;
const random = randomFrom(task.seed);
const writes = randomWrites(random, task.rows);
const commits = commitsOf(random, task.backwards ? writes.reverse() : writes);
// A small map, so that both have to let it grow while the other writes.
const storage = openLmdbStorage({ directory: task.directory, mapSizeBytes: 64 * 1024 });

function say(message: string): void {
  if (isMainThread) process.send!(message);
  else parentPort!.postMessage(message);
}

async function write(): Promise<void> {
  for (const commit of commits) await storage.commit(commit);
  await storage.close();
  say('done');
  if (isMainThread) process.disconnect();
}

const go = () => void write();
if (isMainThread) process.once('message', go);
else parentPort!.once('message', go);
say('ready');
