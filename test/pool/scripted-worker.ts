/** A shard's worker that knows no documents: it does what its tasks say, so that tests can let it die or hold back. */
import { setTimeout } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'piscina';
import { AnswerWriter } from '../../src/messages/answer.js';
import type { ClusterAnswer, ShardInput, Work } from '../../src/messages/work.js';
import { flags, type Order, type ScriptData } from './script.js';

const { shared, failingStarts } = workerData as ScriptData;
const memory = new Int32Array(shared);
const answer = new AnswerWriter();
const held: number[] = [];
const counted = { ok: true, result: { count: 1, endsInMs: 1 } } as const;
let number = 0;
let port: MessagePort | undefined;

export default async function handle(work: Work): Promise<unknown> {
  switch (work.kind) {
    case 'start':
      number = Atomics.add(memory, flags.starts, 1) + 1;
      if (number >= failingStarts[0] && number <= failingStarts[1]) throw new Error('the storage is not there');
      port = work.port;
      port.on('message', (input: ShardInput) => void take(input));
      return undefined;
    case 'cluster':
      // Nothing but a count is answered.
      if (work.request.kind === 'count') return counted satisfies ClusterAnswer;
      return new Promise(() => undefined);
    case 'clock':
    case 'lifecycle':
    case 'history':
      return undefined;
    case 'stop':
      Atomics.add(memory, flags.stopped, 1);
      // Answered behind everything else, and after that the port is closed.
      say('stop');
      send();
      port?.close();
      return undefined;
  }
}

async function take(input: ShardInput): Promise<void> {
  const text = Buffer.from(input.bytes).toString();
  if (input.kind === 'task') {
    await obey(input.task, text);
    return;
  }
  say(`awareness ${text}`);
  answer.awarenessTaskDone();
  send();
}

async function obey(task: number, text: string): Promise<void> {
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
      send();
      say(`${text} again`);
      answer.settled(task);
      break;
    case 'block':
      while (Atomics.load(memory, flags.released) === 0) await setTimeout(5);
      answer.settled(task);
      break;
    case 'answerAndDie':
      answer.settled(task);
      answer.taskDone();
      send();
      process.exit(1);
      break;
    case 'settle':
      answer.settled(task);
  }
  answer.taskDone();
  send();
}

/** Tells the test that a task came, and to which worker. */
function say(text: string): void {
  const begun = answer.beginReply(number, 'binary', 'error', 0);
  answer.frames.text(text);
  answer.end(begun);
}

function send(): void {
  const bytes = answer.finish();
  port?.postMessage(bytes, [bytes.buffer]);
}
