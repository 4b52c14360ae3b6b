import { test } from 'tap';
import { readTask, recordKinds, TaskWriter, type TaskRecord } from '../../src/messages/task.js';
import { RetainedTasks } from '../../src/pool/retained-tasks.js';

function taskOf(...documentIds: string[]): Uint8Array<ArrayBuffer> {
  const writer = new TaskWriter();
  for (const documentId of documentIds) writer.group({ documentId, variants: 0, writerOnly: false, records: [] });
  return writer.finish();
}

function documentsOf(bytes: Uint8Array<ArrayBuffer> | undefined): string[] | undefined {
  return bytes && [...readTask(bytes)].map(({ documentId }) => documentId);
}

test('a worker has two tasks at a time, in order, and what is settled is not kept', (t) => {
  const tasks = new RetainedTasks();
  for (const id of ['a', 'b', 'c']) tasks.add(taskOf(id));
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['a']);
  t.strictSame(documentsOf(tasks.next(1)?.bytes), ['b']);
  t.equal(tasks.next(2), undefined);
  t.equal(tasks.isReady(1), false, 'another waits already');
  t.strictSame(documentsOf(tasks.next(1)?.bytes), ['c']);
  t.equal(tasks.isReady(1), true);
  t.equal(tasks.isReady(2), false);
  for (const id of [2, 1, 3]) t.equal(tasks.settle(id), true);
  t.equal(tasks.settle(3), false);
  t.equal(tasks.bytes, 0);
  t.equal(tasks.size, 0);
  t.end();
});

test('after a death the groups that are not settled are given again, those it worked on one task at a time', (t) => {
  const tasks = new RetainedTasks();
  tasks.add(taskOf('a', 'b', 'c'));
  tasks.add(taskOf('d'));
  tasks.next(0);
  tasks.next(1);
  tasks.settleGroup(1, 1);
  t.equal(tasks.requeue(2), undefined);
  t.equal(tasks.bytes, taskOf('a', 'c').length + taskOf('d').length);
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['a', 'c']);
  t.equal(tasks.next(1), undefined, 'the worker is not done with the first');
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['d']);
  t.equal(tasks.isReady(1), false);
  tasks.settle(1);
  tasks.settle(2);
  for (const id of ['e', 'f']) tasks.add(taskOf(id));
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['e']);
  t.strictSame(documentsOf(tasks.next(1)?.bytes), ['f'], 'what came after the death is in no quarantine');
  t.end();
});

test('a task is given up when three workers have died that had it alone', async (t) => {
  const tasks = new RetainedTasks();
  tasks.add(taskOf('poison'));
  tasks.add(taskOf('other'));
  tasks.next(0);
  tasks.next(1);
  t.equal(tasks.requeue(2), undefined, 'either may have been the cause');
  const fence = tasks.fence();
  for (let death = 1; death < 3; death++) {
    t.strictSame(documentsOf(tasks.next(0)?.bytes), ['poison']);
    t.equal(tasks.requeue(1), undefined);
  }
  tasks.next(0);
  t.strictSame(documentsOf(tasks.requeue(1)?.bytes), ['poison']);
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['other']);
  tasks.settle(2);
  await fence;
  t.equal(tasks.size, 0);
});

test('what the worker was done with is given again at once; after three deaths, one settled task at a time', (t) => {
  const tasks = new RetainedTasks();
  for (const id of ['a', 'b', 'c', 'd', 'e']) tasks.add(taskOf(id));
  // Done with all but two, and none of them is durable.
  for (const inFlight of [0, 1, 1, 1, 1]) tasks.next(inFlight);
  t.equal(tasks.requeue(2), undefined);
  const given = (inFlight: number): string | undefined => documentsOf(tasks.next(inFlight)?.bytes)?.[0];
  t.strictSame([given(0), given(1), given(1)], ['a', 'b', 'c']);
  t.equal(given(1), undefined, 'd is suspected');
  t.strictSame([given(0), given(1)], ['d', undefined]);
  t.strictSame([given(0), given(0)], ['e', undefined]);
  tasks.add(taskOf('f'));
  t.equal(given(1), undefined, 'e has the worker alone');
  t.equal(given(0), 'f');

  t.equal(tasks.requeue(0), undefined, 'nobody knows which of them it was');
  t.strictSame([given(0), given(1), given(1)], ['a', 'b', 'c']);
  t.equal(tasks.requeue(0), undefined, 'nor now');
  for (const [i, id] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
    t.equal(given(0), id);
    t.equal(given(0), undefined, 'it is not settled');
    tasks.settle(i + 1);
  }
  for (const id of ['g', 'h']) tasks.add(taskOf(id));
  t.strictSame([given(0), given(1)], ['g', 'h']);
  t.end();
});

test('what was relayed is marked for the next worker', (t) => {
  const tasks = new RetainedTasks();
  const origin = { session: 1, encoding: 'json', supportsBatch: true } as const;
  const about = { kind: recordKinds.delta, origin, form: 'json', timestamp: 1, receivedAt: 2 } as const;
  const records = ['a', 'b'].map((text): TaskRecord => ({ ...about, payload: Buffer.from(text) }));
  const writer = new TaskWriter();
  for (const documentId of ['d', 'e']) writer.group({ documentId, variants: 0, writerOnly: false, records });
  tasks.add(writer.finish());
  tasks.next(0);
  tasks.noteRelayed(1, 1, 1);
  for (let death = 1; death <= 2; death++) {
    tasks.requeue(0);
    const groups = [...readTask(tasks.next(0)?.bytes ?? new Uint8Array())];
    const marks = groups.map((group) => group.records.map((record) => 'isRelayed' in record));
    t.strictSame(marks, [
      [false, false],
      [true, false],
    ]);
  }
  t.end();
});
