/** A shard's worker that knows no documents: it does what its tasks say, so that tests can let it die or hold back. */
import { setTimeout } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { move, workerData } from 'piscina';
import { AnswerWriter } from '../../src/messages/answer.js';
import type { ClusterAnswer, Work } from '../../src/messages/work.js';
import { flags, type Order, type ScriptData } from './script.js';

const { shared, failingStarts } = workerData as ScriptData;
const memory = new Int32Array(shared);
const answer = new AnswerWriter();
const held: number[] = [];
let number = 0;
const counted = { ok: true, result: { count: 1, endsInMs: 1 } } as const;

export default async function handle(work: Work): Promise<unknown> {
  switch (work.kind) {
    case 'start':
      number = Atomics.add(memory, flags.starts, 1) + 1;
      if (number >= failingStarts[0] && number <= failingStarts[1]) throw new Error('the storage is not there');
      return undefined;
    case 'task':
      return obey(work.task, Buffer.from(work.bytes).toString());
    case 'cluster':
      // Nothing but a count is answered.
      if (work.request.kind === 'count') return counted satisfies ClusterAnswer;
      return new Promise(() => undefined);
    case 'awareness':
      say(`awareness ${Buffer.from(work.bytes).toString()}`);
      parentPort?.postMessage(answer.take());
      return undefined;
    case 'stop':
      Atomics.add(memory, flags.stopped, 1);
      return undefined;
  }
}

async function obey(task: number, text: string): Promise<unknown> {
  const order = text.split(' ')[0] as Order;
  if (order === 'die') process.exit(1);
  say(text);
  switch (order) {
    case 'hold':
      held.push(task);
      break;
    case 'settleHeld':
      for (const other of held.splice(0)) answer.settled(other);
      answer.settled(task);
      break;
    case 'holdFirst':
      if (number > 1) answer.settled(task);
      break;
    case 'both':
      parentPort?.postMessage(answer.take());
      say(`${text} result`);
      answer.settled(task);
      break;
    case 'block':
      while (Atomics.load(memory, flags.released) === 0) await setTimeout(5);
      answer.settled(task);
      break;
    case 'settle':
      answer.settled(task);
  }
  return move(answer.take());
}

/** Tells the test that a task came, and to which worker. */
function say(text: string): void {
  const begun = answer.beginDirect(number, 'binary', 'reply', 'error', 0);
  answer.frames.text(text);
  answer.end(begun);
}
