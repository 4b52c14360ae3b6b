import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { typeCodes, typeOfCode, type MessageType } from '../../src/protocol/codes.js';
import type { Encoding } from '../../src/protocol/encode.js';
import { AnswerWriter, awarenessTasksDone, tasksDone, type ShardStatus } from '../../src/messages/answer.js';
import { readAnswer } from '../../src/messages/answer-reader.js';
import { variants } from '../../src/messages/task.js';
import { holds } from '../support/values/property.js';

type Entry =
  | {
      readonly kind: 'publish';
      readonly documentId: string;
      readonly variant: number;
      readonly except: number;
      readonly frame: Uint8Array;
      readonly type: MessageType;
      readonly receivedAt: number;
    }
  | {
      readonly kind: 'echo';
      readonly documentId: string;
      readonly variant: number;
      readonly session: number;
      readonly frame: Uint8Array;
      readonly type: MessageType;
    }
  | {
      readonly kind: 'reply';
      readonly session: number;
      readonly encoding: Encoding;
      readonly frame: Uint8Array;
      readonly type: MessageType;
      readonly receivedAt: number;
    }
  | {
      readonly kind: 'read';
      readonly session: number;
      readonly encoding: Encoding;
      readonly frame: Uint8Array;
      readonly type: MessageType;
      readonly read: number;
      readonly isLast: boolean;
    }
  | { readonly kind: 'settled'; readonly task: number }
  | { readonly kind: 'settledGroup'; readonly task: number; readonly group: number }
  | { readonly kind: 'relayed'; readonly task: number; readonly group: number; readonly records: number }
  | { readonly kind: 'status'; readonly status: ShardStatus }
  | { readonly kind: 'awareness'; readonly documentId: string; readonly message: Uint8Array }
  | { readonly kind: 'ended'; readonly documentId: string }
  | { readonly kind: 'created'; readonly session: number }
  | { readonly kind: 'awarenessActive' | 'changed'; readonly documentId: string };

/** Compared with what is read, which has a prototype. */
const plain = { noNullPrototype: true };

const documentIds = fc.string({ unit: fc.constantFrom(...Array.from('azAZ09_:-')), minLength: 1, maxLength: 256 });
const frames = fc.uint8Array({ maxLength: 40 });
const types = fc.constantFrom(...(Object.keys(typeCodes) as MessageType[]));
const numbers = fc.nat(Number.MAX_SAFE_INTEGER);
const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('publish' as const),
      documentId: documentIds,
      variant: fc.constantFrom(...Object.values(variants)),
      except: numbers,
      frame: frames,
      type: types,
      receivedAt: fc.double({ min: 0, noNaN: true }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('echo' as const),
      documentId: documentIds,
      variant: fc.constantFrom(...Object.values(variants)),
      session: numbers,
      frame: frames,
      type: types,
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('reply' as const),
      session: numbers,
      encoding: fc.constantFrom<Encoding>('binary', 'json'),
      frame: frames,
      type: types,
      receivedAt: fc.double({ min: 0, noNaN: true }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('read' as const),
      session: numbers,
      encoding: fc.constantFrom<Encoding>('binary', 'json'),
      frame: frames,
      type: types,
      read: numbers,
      isLast: fc.boolean(),
    },
    plain,
  ),
  fc.record({ kind: fc.constant('settled' as const), task: numbers }, plain),
  fc.record({ kind: fc.constant('ended' as const), documentId: documentIds }, plain),
  fc.record({ kind: fc.constant('created' as const), session: numbers }, plain),
  fc.record({ kind: fc.constant('awareness' as const), documentId: documentIds, message: frames }, plain),
  fc.record({ kind: fc.constantFrom('awarenessActive' as const, 'changed' as const), documentId: documentIds }, plain),
  fc.record({ kind: fc.constant('settledGroup' as const), task: numbers, group: fc.nat(2 ** 32 - 1) }, plain),
  fc.record(
    {
      kind: fc.constant('relayed' as const),
      task: numbers,
      group: fc.nat(2 ** 32 - 1),
      records: fc.nat(2 ** 32 - 1),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('status' as const),
      status: fc.record(
        {
          storageHealthy: fc.boolean(),
          busConnected: fc.boolean(),
          documents: fc.nat(2 ** 32 - 1),
          bytes: numbers,
          pendingBytes: numbers,
        },
        plain,
      ),
    },
    plain,
  ),
);

function write(writer: AnswerWriter, entry: Entry): void {
  switch (entry.kind) {
    case 'publish': {
      const begun = writer.beginPublish(entry.variant, entry.documentId, entry.type, entry.receivedAt, entry.except);
      writer.frames.bytes(entry.frame);
      writer.end(begun);
      return;
    }
    case 'echo': {
      const begun = writer.beginEcho(entry.variant, entry.documentId, entry.type, entry.session);
      writer.frames.bytes(entry.frame);
      writer.end(begun);
      return;
    }
    case 'reply': {
      const begun = writer.beginReply(entry.session, entry.encoding, entry.type, entry.receivedAt);
      writer.frames.bytes(entry.frame);
      writer.end(begun);
      return;
    }
    case 'read': {
      const begun = writer.beginRead(entry.session, entry.encoding, entry.type, entry.read, entry.isLast);
      writer.frames.bytes(entry.frame);
      writer.end(begun);
      return;
    }
    case 'settled':
      writer.settled(entry.task);
      return;
    case 'relayed':
      writer.relayed(entry.task, entry.group, entry.records);
      return;
    case 'settledGroup':
      writer.settledGroup(entry.task, entry.group);
      return;
    case 'status':
      writer.status(entry.status);
      return;
    case 'awareness':
      writer.awareness(entry.documentId, entry.message);
      return;
    case 'awarenessActive':
      writer.awarenessActive(entry.documentId);
      return;
    case 'changed':
      writer.changed(entry.documentId);
      return;
    case 'ended':
      writer.ended(entry.documentId);
      break;
    case 'created':
      writer.created(entry.session);
  }
}

function read(answer: Uint8Array<ArrayBuffer>): Entry[] {
  const found: Entry[] = [];
  readAnswer(answer, {
    publish: (documentId, variant, frame, type, receivedAt, except) =>
      found.push({
        kind: 'publish',
        documentId,
        variant,
        frame: new Uint8Array(frame),
        type: typeOfCode(type),
        receivedAt,
        except,
      }),
    echo: (documentId, variant, session, frame, type) =>
      found.push({
        kind: 'echo',
        documentId,
        variant,
        session,
        frame: new Uint8Array(frame),
        type: typeOfCode(type),
      }),
    reply: (session, encoding, frame, type, receivedAt) =>
      found.push({
        kind: 'reply',
        session,
        encoding,
        frame: new Uint8Array(frame),
        type: typeOfCode(type),
        receivedAt,
      }),
    read: (session, encoding, frame, type, read, isLast) =>
      found.push({
        kind: 'read',
        session,
        encoding,
        frame: new Uint8Array(frame),
        type: typeOfCode(type),
        read,
        isLast,
      }),
    settled: (task) => found.push({ kind: 'settled', task }),
    settledGroup: (task, group) => found.push({ kind: 'settledGroup', task, group }),
    relayed: (task, group, records) => found.push({ kind: 'relayed', task, group, records }),
    status: (status) => found.push({ kind: 'status', status }),
    awareness: (documentId, message) => found.push({ kind: 'awareness', documentId, message: new Uint8Array(message) }),
    awarenessActive: (documentId) => found.push({ kind: 'awarenessActive', documentId }),
    changed: (documentId) => found.push({ kind: 'changed', documentId }),
    ended: (documentId) => found.push({ kind: 'ended', documentId }),
    created: (session) => found.push({ kind: 'created', session }),
  });
  return found;
}

test('an answer is read as it was written, in the same order', (t) => {
  holds(
    t,
    fc.property(fc.array(entries, { maxLength: 8 }), fc.nat(9), (written, offset) => {
      const writer = new AnswerWriter();
      for (const entry of written) write(writer, entry);
      const answer = writer.finish();
      const within = new Uint8Array(offset + answer.length + 3);
      within.set(answer, offset);
      assert.deepEqual(read(within.subarray(offset, offset + answer.length)), written);
    }),
    500,
  );
  t.end();
});

test('an answer tells how many tasks the shard is done with, whatever else it holds', (t) => {
  const writer = new AnswerWriter();
  t.ok(writer.empty);
  for (const [tasks, awarenessTasks] of [
    [1, 0],
    [0, 1],
    [2, 3],
    [255, 255],
  ] as const) {
    for (const entries of [0, 2]) {
      for (let i = 0; i < tasks; i++) writer.taskDone();
      for (let i = 0; i < awarenessTasks; i++) writer.awarenessTaskDone();
      for (let i = 0; i < entries; i++) writer.settled(i);
      t.notOk(writer.empty);
      const answer = writer.finish();
      t.equal(tasksDone(answer), tasks);
      t.equal(awarenessTasksDone(answer), awarenessTasks);
      t.equal(read(answer).length, entries);
      t.ok(writer.empty);
    }
  }
  t.end();
});

test('an entry of another version ends with an error, not with wrong frames', (t) => {
  t.throws(() => read(new Uint8Array([99, 0, 0])), { message: /unknown entry 99 at 0/ });
  t.end();
});
