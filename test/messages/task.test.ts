import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import {
  readTask,
  recordKinds,
  recordSize,
  remainderOf,
  TaskWriter,
  type TaskRecord,
} from '../../src/messages/task.js';
import { holds } from '../support/values/property.js';

const documentIds = fc.string({
  unit: fc.constantFrom(...Array.from('azAZ09_:-')),
  minLength: 1,
  maxLength: 256,
});

/** Compared with what is read, which has a prototype. */
const plain = { noNullPrototype: true };

const origins = fc.record(
  {
    session: fc.nat(Number.MAX_SAFE_INTEGER),
    encoding: fc.constantFrom('binary', 'json' as const),
    supportsBatch: fc.boolean(),
  },
  plain,
);
const payloads = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));

const records: fc.Arbitrary<TaskRecord> = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom(recordKinds.delta, recordKinds.deltaBatch),
      origin: origins,
      form: fc.constantFrom('binary', 'json' as const),
      timestamp: fc.oneof(fc.constant(NaN), fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 })),
      receivedAt: fc.double({ min: 0, noNaN: true }),
      payload: payloads,
      isRelayed: fc.constant(true as const),
      mayNotCreate: fc.constant(true as const),
    },
    { ...plain, requiredKeys: ['kind', 'origin', 'form', 'timestamp', 'receivedAt', 'payload'] },
  ),
  fc.record(
    {
      kind: fc.constantFrom(recordKinds.subscribe, recordKinds.stateVector),
      origin: origins,
      read: fc.nat(),
      payload: payloads,
    },
    plain,
  ),
  fc.record({ kind: fc.constant(recordKinds.interest), isOld: fc.boolean() }, plain),
);

const groups = fc.record(
  {
    documentId: documentIds,
    variants: fc.nat(63),
    writerOnly: fc.boolean(),
    records: fc.array(records, { maxLength: 4 }),
  },
  plain,
);

test('a task is read as it was written', (t) => {
  holds(
    t,
    fc.property(fc.array(groups, { maxLength: 5 }), fc.nat(9), (written, offset) => {
      const writer = new TaskWriter();
      for (const group of written) writer.group(group);
      const task = writer.finish();
      // It may lie anywhere in a larger buffer.
      const within = new Uint8Array(offset + task.length + 3);
      within.set(task, offset);
      assert.deepEqual([...readTask(within.subarray(offset, offset + task.length))], written);
    }),
    500,
  );
  t.end();
});

test('the groups that are settled are left out, the others stay as they are', (t) => {
  holds(
    t,
    fc.property(fc.array(fc.tuple(groups, fc.boolean()), { maxLength: 5 }), (written) => {
      const writer = new TaskWriter();
      for (const [group] of written) writer.group(group);
      const settled = new Set([...written.keys()].filter((place) => written[place]![1]));
      const left = written.filter(([, isSettled]) => !isSettled).map(([group]) => group);
      assert.deepEqual([...readTask(remainderOf(writer.finish(), settled, new Map()))], left);
    }),
  );
  t.end();
});

test('the first records of a group are marked as relayed, and the others are not', (t) => {
  const origin = { session: 1, encoding: 'json', supportsBatch: true } as const;
  const about = { kind: recordKinds.delta, origin, form: 'json', timestamp: 1, receivedAt: 2 } as const;
  const written = ['a', 'b', 'c'].map((text): TaskRecord => ({ ...about, payload: Buffer.from(text) }));
  const writer = new TaskWriter();
  for (const documentId of ['gone', 'marked', 'other']) {
    writer.group({ documentId, variants: 1, writerOnly: true, records: written });
  }
  const relayed = new Map([
    [0, 3],
    [1, 2],
  ]);
  const left = [...readTask(remainderOf(writer.finish(), new Set([0]), relayed))];
  t.same(
    left.map(({ documentId }) => documentId),
    ['marked', 'other'],
  );
  t.same(
    left.map(({ records }) => records.map((record) => 'isRelayed' in record)),
    [
      [true, true, false],
      [false, false, false],
    ],
  );
  t.end();
});

test('the size of a record is known before it is written', (t) => {
  holds(
    t,
    fc.property(records, (record) => {
      const writer = new TaskWriter();
      const group = { documentId: 'd', variants: 0, writerOnly: false };
      writer.group({ ...group, records: [] });
      const empty = writer.length;
      writer.group({ ...group, records: [record] });
      assert.equal(writer.length - 2 * empty, recordSize(record));
    }),
  );
  t.end();
});

test('a writer begins anew after each task', (t) => {
  const writer = new TaskWriter();
  const group = { writerOnly: true, records: [] };
  writer.group({ documentId: 'first', variants: 1, ...group });
  writer.finish();
  t.equal(writer.length, 0);
  writer.group({ documentId: 'second', variants: 2, ...group });
  t.strictSame([...readTask(writer.finish())], [{ documentId: 'second', variants: 2, ...group }]);
  t.strictSame([...readTask(writer.finish())], []);
  t.end();
});
