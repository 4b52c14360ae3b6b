/** What a shard answers in a turn, in which order, and when there is something to answer. */
import { test } from 'tap';
import type { ShardStatus } from '../../src/messages/answer.js';
import { readAnswer, type AnswerHandler } from '../../src/messages/answer-reader.js';
import { variants } from '../../src/messages/task.js';
import { Outbox, type Held, type Variant } from '../../src/shard/outbox.js';
import { nextMillisecond } from '../support/next-millisecond.js';
import { textOf } from '../support/parts/recording-session.js';

const binary: Variant = { variant: variants.binaryDelta, encoding: 'binary' };

interface Fixture {
  readonly outbox: Outbox;
  /** By answer, in order: `all <frame>`, `settled <task>`, `active <document>`. */
  readonly answers: string[][];
  readonly status: { -readonly [Name in keyof ShardStatus]: ShardStatus[Name] };
  readonly publish: (documentId: string, field: string) => void;
  readonly hold: (documentId: string, field: string) => Held;
}

function fixture(): Fixture {
  const answers: string[][] = [];
  const status = { storageHealthy: true, busConnected: true, documents: 0, bytes: 0, pendingBytes: 0 };
  const read = (answer: Uint8Array<ArrayBuffer>): void => {
    const entries: string[] = [];
    answers.push(entries);
    const handler: Partial<AnswerHandler> = {
      publish: (documentId, _variant, frame) => void entries.push(`${documentId} ${textOf(frame, true)}`),
      echo: (documentId, _variant, _session, frame) => void entries.push(`${documentId} ${textOf(frame, true)}`),
      settled: (task) => void entries.push(`settled ${task}`),
      awarenessActive: (documentId) => void entries.push(`active ${documentId}`),
      status: (given) => void entries.push(`status ${given.storageHealthy} ${given.busConnected}`),
    };
    readAnswer(answer, handler as AnswerHandler);
  };
  const outbox = new Outbox(read, () => status);
  const publish = (documentId: string, field: string): void =>
    outbox.publish(documentId, binary, 'delta', `"field":"${field}","value":1`, 0, 0);
  return {
    ...{ outbox, answers, status, publish },
    hold: (documentId, field) => {
      const body = `"field":"${field}","value":1`;
      const held: Held = { documentId, send: () => outbox.echo(documentId, binary, 'delta', body, 1) };
      outbox.hold(held);
      return held;
    },
  };
}

test('all of a turn is one answer, in order, with the status at its end', (t) => {
  const { outbox, answers, publish } = fixture();
  publish('d', 'a');
  outbox.settled(3);
  publish('e', 'b');
  outbox.awarenessActive('d');
  t.strictSame(answers, [], 'nothing leaves before the end of the turn');
  outbox.flush();
  t.strictSame(answers, [['d a=1', 'settled 3', 'e b=1', 'active d', 'status true true']]);
  t.end();
});

test('a turn in which nothing happened has no answer, unless the storage or the bus fails or recovers', (t) => {
  const { outbox, answers, status } = fixture();
  const flushed = (): string[][] => {
    outbox.flush();
    outbox.flush();
    return answers.splice(0);
  };
  t.strictSame(flushed(), []);
  status.storageHealthy = false;
  t.strictSame(flushed(), [['status false true']]);
  status.busConnected = false;
  t.strictSame(flushed(), [['status false false']]);
  status.documents = 5;
  t.strictSame(flushed(), [], 'figures alone wait for the next answer');
  status.storageHealthy = true;
  status.busConnected = true;
  t.strictSame(flushed(), [['status true true']]);
  t.end();
});

test('FAN4 what is held of a document leaves before its next publish, in the order in which it came', (t) => {
  const { outbox, answers, publish, hold } = fixture();
  hold('d', 'first');
  hold('e', 'other');
  hold('d', 'second');
  publish('d', 'third');
  outbox.flush();
  t.strictSame(answers.shift()?.slice(0, -1), ['d first=1', 'd second=1', 'd third=1']);
  publish('d', 'fourth');
  outbox.release('e');
  outbox.flush();
  t.strictSame(answers.shift()?.slice(0, -1), ['d fourth=1', 'e other=1'], 'each once, and none for another document');
  t.end();
});

test('an ack takes along what was held before it, and no more', (t) => {
  const { outbox, answers, hold } = fixture();
  const [, second, third] = ['first', 'second', 'third'].map((field) => hold('d', field));
  outbox.releaseUpTo(second!);
  outbox.releaseUpTo(second!);
  outbox.flush();
  t.strictSame(answers.shift()?.slice(0, -1), ['d first=1', 'd second=1']);
  outbox.releaseUpTo(third!);
  outbox.release('d');
  outbox.flush();
  t.strictSame(answers.shift()?.slice(0, -1), ['d third=1']);
  outbox.releaseUpTo(third!);
  outbox.flush();
  t.strictSame(answers, []);
  t.end();
});

test('all frames of a turn bear one time, and each message an id of its own', async (t) => {
  const { outbox, publish } = fixture();
  const { now } = outbox;
  await nextMillisecond();
  t.equal(outbox.now, now);
  const ids = Array.from({ length: 1_000 }, () => outbox.nextId());
  t.equal(new Set(ids).size, ids.length);
  t.equal(outbox.length, 0);
  publish('d', 'a');
  t.ok(outbox.length > 0);
  outbox.flush();
  t.equal(outbox.length, 0);
  t.ok(outbox.now > now, 'the next turn has a time of its own');
});
