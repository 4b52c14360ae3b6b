/** What may be sent, in which order, and up to where all is done. */
import { test, type Test } from 'tap';
import { Outbox } from '../../src/changes/webhooks/outbox.js';
import type { FeedEntry } from '../../src/storage/changes/port.js';
import type { FailedEvent } from '../../src/storage/webhooks/port.js';

const debounce = { quietMs: 10, maxWaitMs: 25 };

function entry(documentId: string, place: number, commit = place): FeedEntry {
  return { documentId, kind: 'changed', commit, at: place, cursor: `c${place}` };
}

function outbox(): Outbox {
  return new Outbox({ cursor: 'c0', debounce });
}

/** Saves what is to be saved. @returns The cursor, if it has moved. */
function save(box: Outbox): string | undefined {
  const step = box.step();
  if (step !== undefined) box.saved(step);
  return step?.cursor;
}

function take(t: Test, box: Outbox, now: number): FailedEvent {
  const event = box.take(now, now);
  if (event === undefined) throw new Error('nothing is due');
  t.equal(box.take(now, now)?.documentId === event.documentId, false, 'one at a time');
  return event;
}

test('a document is told of when it is quiet, or has changed for long', (t) => {
  const box = outbox();
  box.add(entry('a', 1), 0);
  t.equal(box.take(9, 0), undefined);
  box.add(entry('a', 2), 9);
  t.equal(box.take(18, 0), undefined);
  box.add(entry('a', 3), 18);
  t.equal(box.take(24, 0), undefined);
  t.match(box.take(25, 0), { documentId: 'a', commit: 3 });
  t.equal(box.take(100, 0), undefined);
  t.end();
});

test('the cursor stays before what is not done', (t) => {
  const box = outbox();
  box.skip({ ...entry('x', 1) });
  t.equal(save(box), 'c1');
  box.add(entry('a', 2), 0);
  box.add(entry('b', 3), 0);
  box.add(entry('c', 4), 0);
  t.equal(save(box), undefined);
  const a = box.take(10, 0)!;
  const b = box.take(10, 0)!;
  box.delivered(b);
  t.equal(save(box), undefined, 'a is under way');
  box.delivered(a);
  t.equal(save(box), 'c3', 'c waits');
  const c = box.take(10, 0)!;
  box.failed({ ...c, attempts: 1, nextAt: 50, reason: 'x' });
  const step = box.step()!;
  t.match(step, { cursor: 'c4', failed: [{ documentId: 'c' }] }, 'what has failed is saved with the cursor behind it');
  box.saved(step);
  t.equal(box.step(), undefined);
  t.end();
});

test('a change during a call is told after it, and not forgotten', (t) => {
  const box = outbox();
  box.add(entry('a', 1), 0);
  const first = take(t, box, 10);
  box.add(entry('a', 2), 10);
  t.equal(box.take(100, 100), undefined, 'not while the other one is under way');
  box.delivered(first);
  t.equal(save(box), 'c1');
  t.match(take(t, box, 100), { commit: 2 });
  t.equal(save(box), undefined);
  t.end();
});

test('a newer event takes the place of one that has failed, but not its pause', (t) => {
  const box = outbox();
  box.addFailed({ documentId: 'a', kind: 'changed', commit: 1, at: 1, attempts: 3, nextAt: 500, reason: 'x' });
  box.add(entry('a', 2), 0);
  t.equal(box.take(400, 400), undefined);
  const newer = take(t, box, 500);
  t.match(newer, { commit: 2, attempts: 0 });
  box.delivered(newer);
  t.match(box.step(), { cursor: 'c2', done: ['a'], failed: [] });
  t.equal(box.take(9_999, 9_999), undefined);
  t.equal(box.pending, 0);
  t.end();
});

test('what is done while it is being saved is saved next', (t) => {
  const box = outbox();
  box.add(entry('a', 1), 0);
  box.failed({ ...take(t, box, 10), attempts: 1, nextAt: 20, reason: 'x' });
  const step = box.step()!;
  const again = take(t, box, 20);
  box.delivered(again);
  box.saved(step);
  t.match(box.step(), { failed: [], done: ['a'] });
  t.end();
});

test('what was delivered meanwhile is not taken for failed, as the storage does not know of it yet', (t) => {
  const box = outbox();
  const old: FailedEvent = { documentId: 'a', kind: 'changed', commit: 1, at: 1, attempts: 3, nextAt: 0, reason: 'x' };
  box.addFailed(old);
  box.add(entry('a', 2), 0);
  const newer = take(t, box, 10);
  t.equal(newer.commit, 2);
  box.delivered(newer);
  // The events that have failed are read anew when those that were given up are to be tried again.
  box.addFailed(old);
  t.equal(box.take(20, 20), undefined, 'an older event does not come after a newer one');
  save(box);
  box.addFailed(old);
  t.equal(take(t, box, 20).commit, 1, 'one that was given up before');
  box.givenUp({ ...old, attempts: 4, nextAt: 20 });
  box.addFailed(old);
  t.equal(box.take(30, 30), undefined);
  t.end();
});
