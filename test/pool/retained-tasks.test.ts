import { test } from 'tap';
import { readTask, TaskWriter } from '../../src/messages/task.js';
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

test('after a death the groups that are not settled are given again, one task at a time', (t) => {
  const tasks = new RetainedTasks();
  tasks.add(taskOf('a', 'b', 'c'));
  tasks.add(taskOf('d'));
  tasks.next(0);
  tasks.next(1);
  tasks.settleGroup(1, 1);
  t.equal(tasks.requeue(), undefined);
  t.equal(tasks.bytes, taskOf('a', 'c').length + taskOf('d').length);
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['a', 'c']);
  t.equal(tasks.next(0), undefined, 'the first is not settled');
  tasks.settle(1);
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['d']);
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
  t.equal(tasks.requeue(), undefined, 'either may have been the cause');
  const fence = tasks.fence();
  for (let death = 1; death < 3; death++) {
    t.strictSame(documentsOf(tasks.next(0)?.bytes), ['poison']);
    t.equal(tasks.requeue(), undefined);
  }
  tasks.next(0);
  t.strictSame(documentsOf(tasks.requeue()?.bytes), ['poison']);
  t.strictSame(documentsOf(tasks.next(0)?.bytes), ['other']);
  tasks.settle(2);
  await fence;
  t.equal(tasks.size, 0);
});
