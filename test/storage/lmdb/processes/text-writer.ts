/**
 * A process or a worker thread that appends numbers to one text as soon as it gets a message, and compacts what it finds
 * there every few commits. Its siblings do the same with other numbers.
 */

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openLmdbStorage } from '../../../../src/storage/lmdb/storage.js';
import { randomFrom } from '../../../contract/random.js';
import { updatesOf, textChange } from '../../../contract/storage-text.js';
import { join, updateOf } from '../../numbers-text.js';

export interface TextWriterTask {
  readonly directory: string;
  readonly seed: number;
  readonly numbers: readonly number[];
}

const task = (isMainThread ? JSON.parse(process.argv[2]!) : workerData) as TextWriterTask;
const random = randomFrom(task.seed);
const storage = openLmdbStorage({ directory: task.directory, mapSizeBytes: 64 * 1024 });

function say(message: string): void {
  if (isMainThread) process.send!(message);
  else parentPort!.postMessage(message);
}

async function compact(): Promise<void> {
  const updates = (await updatesOf(storage)).filter(() => random.below(4) > 0);
  // Until the commit comes, the sibling appends and compacts too.
  for (let i = random.below(10); i > 0; i--) await new Promise(setImmediate);
  await storage.commit([textChange({ append: [updateOf(join(updates))], replaces: updates.map(({ id }) => id) })]);
}

async function write(): Promise<void> {
  for (const number of task.numbers) {
    await storage.commit([textChange({ append: [updateOf([number])] })]);
    if (random.below(4) === 0) await compact();
  }
  await storage.close();
  say('done');
  if (isMainThread) process.disconnect();
}

const go = () => void write();
if (isMainThread) process.once('message', go);
else parentPort!.once('message', go);
say('ready');
