import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { readAnswer } from '../../src/messages/answer-reader.js';
import { ShardLink } from '../../src/pool/shard-link.js';
import type { Work } from '../../src/messages/work.js';
import { until } from '../support/nodes/server.js';
import { flags, type Order, type ScriptData } from './script.js';

/** A link to a scripted worker, and what came of its tasks. */
interface Fixture {
  readonly link: ShardLink;
  /** What workers were given and answered, as `<number of the worker>: <task>`. */
  readonly said: string[];
  readonly abandoned: string[];
  readonly memory: Int32Array<SharedArrayBuffer>;
  /** How often the link was ready for another task. */
  readonly readies: { count: number };
  readonly submit: (order: Order, name?: string) => void;
  readonly heard: (entry: string) => Promise<void>;
}

function fixture(t: Test, failingStarts: ScriptData['failingStarts'] = [0, 0], module = 'scripted-worker.js'): Fixture {
  const shared = new SharedArrayBuffer(16);
  const said: string[] = [];
  const abandoned: string[] = [];
  const readies = { count: 0 };
  const link: ShardLink = new ShardLink({
    index: 0,
    filename: fileURLToPath(new URL(module, import.meta.url)),
    workerData: { shared, failingStarts } satisfies ScriptData,
    log: pino({ level: 'silent' }),
    startTimeoutMs: 30_000,
    onAnswer: (answer) => {
      readAnswer(answer, {
        publish: () => undefined,
        echo: () => undefined,
        reply: (worker, _encoding, frame) => said.push(`${worker}: ${Buffer.from(frame).toString()}`),
        read: () => undefined,
        settled: (task) => link.settle(task),
        settledGroup: (task, group) => link.settleGroup(task, group),
        relayed: (task, group, records) => link.noteRelayed(task, group, records),
        status: () => undefined,
        awareness: () => undefined,
        awarenessActive: () => undefined,
        changed: () => undefined,
        ended: () => undefined,
        created: () => undefined,
      });
    },
    onRestarted: () => undefined,
    onReady: () => readies.count++,
    onAbandoned: (task) => abandoned.push(Buffer.from(task).toString()),
  });
  t.teardown(() => link.stop());
  return {
    link,
    said,
    abandoned,
    readies,
    memory: new Int32Array(shared),
    submit: (order, name = '') => link.submit(new Uint8Array(Buffer.from(`${order} ${name}`))),
    heard: (entry) => until(entry, () => said.includes(entry)),
  };
}

/** Ends the worker as the operating system would. */
async function kill(link: ShardLink): Promise<void> {
  const thread = link.thread!;
  const ended = once(thread, 'exit');
  void thread.terminate();
  await ended;
}

/** Whether a promise is settled by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
}

// One link for all that needs no death: a worker takes long to start when the machine is busy.
test('awareness is given one lot at a time, and what a worker had not taken is lost with it', async (t) => {
  const { link, heard } = fixture(t);
  const lot = (text: string) => new Uint8Array(Buffer.from(text));
  t.notOk(link.acceptsAwareness, 'not before the start');
  link.submitAwareness(lot('too early'));
  await link.start();
  t.ok(link.acceptsAwareness);
  link.submitAwareness(lot('first'));
  t.notOk(link.acceptsAwareness);
  link.submitAwareness(lot('not taken'));
  await heard('1: awareness first');
  await until('it to be taken', () => link.acceptsAwareness);
  await kill(link);
  t.notOk(link.acceptsAwareness, 'nor between two workers');
  await until('another worker', () => link.restarts > 0 && link.running);
  t.ok(link.acceptsAwareness);
  link.submitAwareness(lot('second'));
  await until('it to be taken', () => link.acceptsAwareness);
});

test('a link whose worker lives', async (t) => {
  const { link, said, readies, memory, submit, heard } = fixture(t);
  await link.start();

  await t.test('keeps a task until it is settled, answered or not', async (t) => {
    submit('hold', 'a');
    await heard('1: hold a');
    t.equal(link.retainedBytes, 'hold a'.length);
    submit('settleHeld');
    await link.fence();
    t.equal(link.retainedBytes, 0);
    link.settle(1);
    link.settle(99);
    t.equal(link.retainedBytes, 0, 'settling twice, or what is not there, changes nothing');
  });

  await t.test('has fences that wait for all tasks before them and for none after', async (t) => {
    t.equal(await isDone(link.fence()), true, 'there is nothing to wait for');
    submit('hold', 'b');
    const fence = link.fence();
    submit('settle', 'c');
    await heard('1: settle c');
    t.equal(await isDone(fence), false);
    submit('settleHeld');
    submit('hold', 'd');
    await fence;
    await heard('1: hold d');
    t.equal(link.retainedBytes, 'hold d'.length);
    submit('settleHeld');
    await link.fence();
  });

  await t.test('keeps the order of the answers', async (t) => {
    const before = said.length;
    const names = Array.from({ length: 200 }, (_, i) => String(i));
    for (const name of names) submit('both', name);
    await link.fence();
    const expected = names.flatMap((name) => [`1: both ${name}`, `1: both ${name} again`]);
    t.strictSame(said.slice(before), expected);
  });

  await t.test('gives the worker few tasks at a time and says when it can take another', async (t) => {
    await until('the worker has nothing to do', () => link.ready);
    submit('block', 'e');
    t.equal(link.ready, true);
    submit('block', 'f');
    t.equal(link.ready, false);
    submit('settle', 'g');
    const before = readies.count;
    Atomics.store(memory, flags.released, 1);
    await link.fence();
    await until('another task can be taken', () => link.ready);
    t.ok(readies.count > before);
  });

  await t.test('lets it finish when it is stopped, and does not replace it', async (t) => {
    await link.stop();
    t.equal(said.at(-1), '1: stop', 'its last answer is received');
    t.equal(Atomics.load(memory, flags.stopped), 1);
    t.equal(Atomics.load(memory, flags.starts), 1);
    t.equal(link.restarts, 0);
  });
});

test('contract 8: a worker that dies is replaced and the new one gets what is not settled, in order', async (t) => {
  const { link, said, submit, heard } = fixture(t);
  await link.start();
  submit('settle', 'done');
  submit('holdFirst', 'a');
  submit('holdFirst', 'b');
  await heard('1: holdFirst b');
  await kill(link);
  submit('holdFirst', 'c');
  await link.fence();
  t.strictSame(said, [
    '1: settle done',
    '1: holdFirst a',
    '1: holdFirst b',
    '2: holdFirst a',
    '2: holdFirst b',
    '2: holdFirst c',
  ]);
  t.equal(link.restarts, 1);
  t.equal(link.running, true);

  await kill(link);
  submit('settle', 'd');
  await heard('3: settle d');
  t.equal(link.restarts, 2, 'an idle worker is replaced too');
});

test('what waits for the storage alone does not hold up the rest after a death', async (t) => {
  const { link, said, submit, heard } = fixture(t);
  await link.start();
  const names = Array.from({ length: 50 }, (_, i) => `hold ${i}`);
  for (const name of names) submit('hold', name.slice(5));
  await heard('1: hold 49');
  await until('it is done with all of them', () => link.ready);
  await kill(link);
  await heard('2: hold 49');
  t.strictSame(
    said.slice(50),
    names.map((name) => `2: ${name}`),
  );
  submit('settleHeld');
  await link.fence();
});

test('what a worker answers before its death counts, and nothing of it after', async (t) => {
  const { link, said, submit } = fixture(t);
  await link.start();
  for (let worker = 1; worker <= 3; worker++) {
    submit('answerAndDie', `${worker}`);
    await until('a new worker', () => link.restarts === worker && link.running);
  }
  submit('settle', 'last');
  await link.fence();
  t.strictSame(said, ['1: answerAndDie 1', '2: answerAndDie 2', '3: answerAndDie 3', '4: settle last']);
});

test('a task that kills its worker again and again is given up, the others are answered', async (t) => {
  const { link, said, abandoned, submit } = fixture(t);
  await link.start();
  submit('holdFirst', 'before');
  submit('die', 'x');
  for (const name of ['a', 'b', 'c']) submit('settle', name);
  await link.fence();
  t.strictSame(abandoned, ['die x']);
  for (const name of ['a', 'b', 'c'])
    t.ok(
      said.some((entry) => entry.endsWith(`settle ${name}`)),
      name,
    );
  t.ok(said.some((entry) => /^[2-9]: holdFirst before/.test(entry)));
  t.ok(link.restarts <= 4, `${link.restarts} restarts`);
  t.equal(link.retainedBytes, 0);
  submit('settle', 'after');
  await link.fence();
});

test('a worker that can’t be started again is tried again', async (t) => {
  const { link, said, submit } = fixture(t, [2, 3]);
  await link.start();
  submit('holdFirst', 'a');
  await until('a', () => said.length === 1);
  await kill(link);
  t.equal(link.running, false);
  t.equal(link.ready, false);
  await link.fence();
  t.strictSame(said, ['1: holdFirst a', '4: holdFirst a']);
});

test('the first start fails when the worker can’t start', async (t) => {
  await t.rejects(fixture(t, [1, 1]).link.start(), { message: /the storage is not there/ });
  await t.rejects(fixture(t, [0, 0], 'no-such-worker.js').link.start(), { message: /no-such-worker/ });
});

test('stop ends a link whose worker is being replaced', async (t) => {
  const { link, memory } = fixture(t, [2, 1_000]);
  await link.start();
  await kill(link);
  await until('a start that failed', () => Atomics.load(memory, flags.starts) > 1);
  await link.stop();
  t.equal(link.running, false);
});

test('what is asked besides tasks is answered, bounded, and in no task’s way', async (t) => {
  const { link, submit, heard } = fixture(t);
  const asked: Work = { kind: 'cluster', request: { kind: 'count', key: 'k', windowMs: 1 } };
  const unanswered: Work = { kind: 'cluster', request: { kind: 'leave', run: 'r' } };
  await t.rejects(link.ask(asked), /not running/);
  await link.start();
  t.same(await link.ask(asked), { ok: true, result: { count: 1, endsInMs: 1 } });
  const waiting = Array.from({ length: 250 }, () => link.ask(unanswered));
  const ends = Promise.allSettled(waiting);
  await t.rejects(link.ask(asked), /too much/);
  submit('settle', 'behind them');
  await heard('1: settle behind them');
  await kill(link);
  t.ok(
    (await ends).every(({ status }) => status === 'rejected'),
    'those that a death interrupts are rejected',
  );
  await until('another worker', () => link.running);
  t.same(await link.ask(asked), { ok: true, result: { count: 1, endsInMs: 1 } });
});
