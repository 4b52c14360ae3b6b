/** What every store of snapshots promises; each adapter runs this suite. */
import t, { type Test as Tap } from 'tap';
import type { Snapshot, SnapshotBounds, SnapshotInfo, SnapshotStore } from '../../src/storage/snapshots/port.js';
import { exactValues } from '../support/values/exact-values.js';

const roomy: SnapshotBounds = { maxPerKind: 100, maxDocumentBytes: 1024 ** 3, maxBytes: 1024 ** 3 };
const start = Date.now();
let made = 0;

function snapshotOf(documentId: string, more: Partial<Snapshot> & { readonly text?: string } = {}): Snapshot {
  const { text = `{"id":"${documentId}","fields":{"n":${made}}}`, ...given } = more;
  const state = Buffer.from(text);
  const number = ++made;
  return {
    id: `s-${number}`,
    documentId,
    version: { server: 7, ann: number },
    sizeBytes: state.length,
    createdAt: start + number,
    isAutomatic: false,
    tag: String(number),
    state,
    ...given,
  };
}

function infoOf({ state, ...info }: Snapshot): SnapshotInfo {
  return { ...info, sizeBytes: state.length };
}

/** @param open Opens a new, empty store twice, as two processes do; they are closed by the suite. */
export function snapshotsContract(
  name: string,
  open: (t: Tap) => Promise<readonly [SnapshotStore, SnapshotStore]>,
): void {
  const test = (title: string, run: (t: Tap, a: SnapshotStore, b: SnapshotStore) => Promise<void>): void => {
    void t.test(`${name}: ${title}`, async (t) => {
      const stores = await open(t);
      t.teardown(async () => {
        for (const store of new Set(stores)) await store.close();
      });
      await run(t, ...stores);
    });
  };
  const ids = async (store: SnapshotStore, documentId: string): Promise<string[]> =>
    (await store.list(documentId, 1_000)).map(({ id }) => id);

  test('snapshots are added, listed with the last first, found and removed', async (t, a, b) => {
    const all = [snapshotOf('d'), snapshotOf('d', { isAutomatic: true }), snapshotOf('d:e'), snapshotOf('d')];
    for (const snapshot of all) t.equal(await a.add(snapshot, roomy), true);
    const [first, second, other, last] = all as [Snapshot, Snapshot, Snapshot, Snapshot];
    t.same(await b.list('d', 10), [last, second, first].map(infoOf));
    t.same(await b.list('d', 2), [last, second].map(infoOf));
    t.same(await b.list('d:e', 10), [infoOf(other)]);
    t.same(await b.list('none', 10), []);
    t.same(await b.find(second.id), infoOf(second));
    t.equal(await b.find('none'), undefined);
    const got = await b.get(first.id);
    t.same(got && infoOf(got), infoOf(first));
    t.ok(Buffer.from(first.state).equals(got!.state));
    t.equal((await b.latest('d'))?.id, last.id);
    t.equal(await b.latest('none'), undefined);
    t.same(await b.usage(), { count: 4, bytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
    t.equal(await a.remove(last.id), true);
    t.equal(await a.remove(last.id), false);
    t.equal(await b.get(last.id), undefined);
    t.same(await ids(b, 'd'), [second.id, first.id]);
    t.equal(await a.removeAll('d'), 2);
    t.equal(await a.removeAll('d'), 0);
    t.same(await ids(b, 'd'), []);
    t.same(await b.usage(), { count: 1, bytes: other.sizeBytes });
  });

  test('states are kept byte by byte', async (t, a, b) => {
    const texts = [
      `{"id":"d","fields":{${exactValues.map(([, kept], i) => `"f${i}":${kept}`).join(',')}}}`,
      '{"b":1,"a":2,"b":3}',
      '{"text":"\\u0000 \\ud800 \u{1f44b}\\/"}',
      `"${'long '.repeat(500_000)}"`,
    ];
    for (const text of texts) {
      const snapshot = snapshotOf('d', { text });
      t.equal(await a.add(snapshot, roomy), true);
      const state = (await b.get(snapshot.id))?.state;
      t.ok(state !== undefined && Buffer.from(text).equals(state), text.slice(0, 40));
    }
  });

  test('of each kind so many are kept', async (t, a) => {
    const bounds = { ...roomy, maxPerKind: 2 };
    const own = [snapshotOf('d'), snapshotOf('d'), snapshotOf('d')];
    const automatic = [1, 2, 3].map(() => snapshotOf('d', { isAutomatic: true }));
    const other = snapshotOf('e');
    for (const snapshot of [other, ...own, ...automatic]) t.equal(await a.add(snapshot, bounds), true);
    const kept = [automatic[2], automatic[1], own[2], own[1]].map((snapshot) => snapshot?.id);
    t.same(await ids(a, 'd'), kept);
    t.same(await ids(a, 'e'), [other.id]);
  });

  test('a document has so many bytes of snapshots, and all together so many', async (t, a) => {
    const text = `"${'x'.repeat(98)}"`;
    const bounds = { maxPerKind: 10, maxDocumentBytes: 300, maxBytes: 500 };
    const own = [1, 2].map(() => snapshotOf('d', { text }));
    const automatic = [1, 2].map(() => snapshotOf('d', { text, isAutomatic: true }));
    const last = snapshotOf('d', { text });
    for (const snapshot of [...own, ...automatic, last]) t.equal(await a.add(snapshot, bounds), true);
    t.same(await ids(a, 'd'), [last.id, own[1]?.id, own[0]?.id], 'automatic ones go first');
    t.equal(await a.add(snapshotOf('e', { text }), bounds), true);
    t.equal(await a.add(snapshotOf('e', { text }), bounds), true);
    t.equal(await a.add(snapshotOf('f', { text }), bounds), false, 'there is no room');
    t.same(await ids(a, 'f'), []);
    t.equal(await a.add(snapshotOf('d', { text }), bounds), true, 'one takes the place of another');
    t.same(await a.usage(), { count: 5, bytes: 500 });
  });

  test('automatic ones end with their age, in turns', async (t, a, b) => {
    const old = [1, 2, 3].map((n) => snapshotOf('d', { isAutomatic: true, createdAt: start - 10 + n }));
    const manual = snapshotOf('d', { createdAt: start - 10 });
    const fresh = snapshotOf('d', { isAutomatic: true });
    for (const snapshot of [fresh, ...old, manual]) await a.add(snapshot, roomy);
    t.equal(await b.removeOlder(start, 2), 2);
    t.same((await ids(a, 'd')).sort(), [fresh.id, manual.id, old[2]!.id].sort(), 'the oldest went first');
    t.equal(await b.removeOlder(start, 2), 1);
    t.equal(await b.removeOlder(start, 2), 0);
    t.same((await ids(a, 'd')).sort(), [fresh.id, manual.id].sort());
  });

  test('many at once keep the bounds', async (t, a, b) => {
    const bounds = { ...roomy, maxPerKind: 3 };
    const all = Array.from({ length: 12 }, () => snapshotOf('d'));
    await Promise.all(all.map((snapshot, i) => (i % 2 === 0 ? a : b).add(snapshot, bounds)));
    t.equal((await ids(a, 'd')).length, 3);
    t.equal((await b.usage()).count, 3);
  });
}
