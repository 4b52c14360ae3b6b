/** What every adapter promises about deliveries to the webhook; each runs this suite (test/storage/<adapter>). */

import t, { type Test as Tap } from 'tap';
import type { DeliveryStore, FailedEvent } from '../../src/storage/webhooks/port.js';

/** A new empty store, and another view of it, as another process has it. */
export interface OpenedDeliveries {
  readonly store: DeliveryStore;
  /** Undefined where there is no other process. */
  readonly other: DeliveryStore | undefined;
  cleanup(): Promise<void>;
}

const nothing = { failed: [], dead: [], done: [] };

function failed(documentId: string, commit = 1, nextAt = 5_000): FailedEvent {
  return { documentId, kind: 'changed', commit, at: 1_000, attempts: 2, nextAt, reason: 'the answer is 500' };
}

/** Runs the suite against new stores of one adapter. */
export function deliveriesContract(name: string, open: () => Promise<OpenedDeliveries>): void {
  const test = (title: string, run: (t: Tap, opened: OpenedDeliveries) => Promise<void>) =>
    t.test(`${name}: ${title}`, async (t) => {
      const opened = await open();
      t.teardown(() => opened.cleanup());
      await run(t, opened);
    });

  void test('the cursor is begun once, and moves with what is saved', async (t, { store }) => {
    t.equal(await store.cursor(), undefined);
    await store.begin('one');
    await store.begin('two');
    t.equal(await store.cursor(), 'one');
    await store.lease('a', 60_000);
    t.equal(await store.save('a', { ...nothing, cursor: 'three' }, 10), true);
    t.equal(await store.save('a', nothing, 10), true);
    t.strictSame(await store.load(), { cursor: 'three', failed: [] });
  });

  void test('one process holds the lease, and another one after it', async (t, { store, other = store }) => {
    t.match(await store.lease('a', 60_000), { isHeld: true, revision: 0, dead: 0 });
    t.match(await other.lease('b', 60_000), { isHeld: false });
    t.match(await store.lease('a', 60_000), { isHeld: true });
    t.equal(await other.save('b', { ...nothing, cursor: 'b' }, 10), false);
    await other.release('b');
    t.match(await other.lease('b', 60_000), { isHeld: false }, 'only who holds it gives it back');
    await store.release('a');
    t.match(await other.lease('b', 50), { isHeld: true });
    t.equal(await store.save('a', { ...nothing, cursor: 'a' }, 10), false, 'who has lost it writes nothing');
    t.equal(await store.cursor(), undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.match(await store.lease('a', 60_000), { isHeld: true }, 'it ends by itself');
  });

  void test('a document has one event, and none when nothing is left', async (t, { store }) => {
    await store.lease('a', 60_000);
    await store.save('a', { ...nothing, failed: [failed('x'), failed('y')] }, 10);
    await store.save('a', { ...nothing, failed: [failed('x', 2)] }, 10);
    const byId = (a: FailedEvent, b: FailedEvent): number => (a.documentId < b.documentId ? -1 : 1);
    t.strictSame([...(await store.load()).failed].sort(byId), [failed('x', 2), failed('y')]);
    await store.save('a', { ...nothing, dead: [failed('x', 3)], done: ['y'] }, 10);
    t.strictSame((await store.load()).failed, []);
    t.strictSame(await store.dead('', 10), [failed('x', 3)]);
    t.match(await store.lease('a', 60_000), { dead: 1 });
    await store.save('a', { ...nothing, done: ['x', 'none'] }, 10);
    t.strictSame(await store.dead('', 10), []);
  });

  void test('events that were given up are bounded, listed, and tried again', async (t, { store, other = store }) => {
    await store.lease('a', 60_000);
    await store.save('a', { ...nothing, dead: [failed('c', 1, 10), failed('a', 1, 30), failed('b', 1, 20)] }, 2);
    t.strictSame(await store.dead('', 10), [failed('a', 1, 30), failed('b', 1, 20)], 'the oldest is dropped');
    t.strictSame(await store.dead('', 1), [failed('a', 1, 30)]);
    t.strictSame(await store.dead('a', 10), [failed('b', 1, 20)]);
    t.equal(await other.retry('none'), 0);
    t.match(await store.lease('a', 60_000), { revision: 0 });
    t.equal(await other.retry('b'), 1);
    t.match(await store.lease('a', 60_000), { revision: 1, dead: 1 });
    t.strictSame((await store.load()).failed, [{ ...failed('b'), attempts: 0, nextAt: 0 }]);
    t.equal(await other.retry(undefined), 1);
    t.equal((await store.load()).failed.length, 2);
    t.strictSame(await store.dead('', 10), []);
  });
}
