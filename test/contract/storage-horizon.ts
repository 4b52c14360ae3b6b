/** What storage adapters promise about tombstones that are forgotten; part of the suite in storage.ts. */

import { horizonOf, mergeHorizons, type Horizon } from '../../src/storage/horizon.js';
import type { DocumentChange, FieldRow, Storage } from '../../src/storage/port.js';
import { newSeed, randomFrom } from './random.js';
import { change, row, rowsOf, sorted } from './storage-rows.js';
import type { Test } from './storage.js';

const deleted = '{"__deleted":true}';

function tombstone(about: Partial<FieldRow> = {}): FieldRow {
  return row({ value: deleted, deleted: true, ...about });
}

/** Forgets tombstones, which may be written by the same commit. */
function purging(documentId: string, purged: readonly FieldRow[], fields: readonly FieldRow[] = []): DocumentChange {
  return { ...change(documentId, fields), purge: { fields: purged, horizon: horizonOf(purged)! } };
}

async function horizonIn(storage: Storage, documentId: string): Promise<Horizon | undefined> {
  return (await storage.load([documentId]))[0]!.horizon;
}

export function storageHorizonContract(test: Test): void {
  test('TMB2 what is purged is gone, and the horizon stays', async (t, storage, opened) => {
    const gone = tombstone({ path: 'gone', timestamp: 5, counter: 3, clientId: 'a', stamp: 70 });
    const other = tombstone({ path: 'other', timestamp: 4, stamp: 90 });
    const live = row({ path: 'live', timestamp: 1 });
    await storage.commit([change('doc', [gone, live, other])]);
    t.equal(await horizonIn(storage, 'doc'), undefined);
    const { horizons, expired = [] } = await storage.commit([purging('doc', [gone, other])]);
    const horizon = { timestamp: 5, counter: 3, clientId: 'a', stamp: 90 };
    t.strictSame(horizons?.get('doc'), horizon);
    t.strictSame(expired, []);
    t.strictSame(await rowsOf(storage, 'doc'), [live]);
    t.strictSame(await horizonIn(storage, 'doc'), horizon);
    t.strictSame((await storage.commit([change('doc', [])])).horizons?.get('doc'), horizon, 'of a later commit too');
    const again = await opened.reopen();
    if (again !== undefined) t.strictSame(await horizonIn(again, 'doc'), horizon, 'after reopening');
  });

  test('TMB2 a write at or below the horizon does not bring a field back', async (t, storage) => {
    const gone = tombstone({ path: 'gone', timestamp: 50, counter: 5, clientId: 'm' });
    await storage.commit([purging('doc', [gone], [gone])]);
    const below = [
      row({ path: 'older', timestamp: 49, counter: 9 }),
      row({ path: 'smaller', timestamp: 50, counter: 4 }),
      row({ path: 'gone', timestamp: 50, counter: 5, clientId: 'm' }),
      tombstone({ path: 'removed', timestamp: 1 }),
    ];
    const above = [
      row({ path: 'by-client', timestamp: 50, counter: 5, clientId: 'n' }),
      row({ path: 'by-counter', timestamp: 50, counter: 6, clientId: 'a' }),
      row({ path: 'newer', timestamp: 51, counter: 0 }),
    ];
    const { expired = [], refused } = await storage.commit([change('doc', [...below, ...above]), change('no', below)]);
    t.strictSame(expired.map(({ documentId, path }) => `${documentId} ${path}`).sort(), [
      'doc gone',
      'doc older',
      'doc removed',
      'doc smaller',
    ]);
    t.strictSame(refused, []);
    t.strictSame(await rowsOf(storage, 'doc'), sorted(above));
    t.equal((await rowsOf(storage, 'no')).length, below.length, 'documents have their own');
  });

  test('TMB2 a field that is there is written below the horizon as ever', async (t, storage) => {
    const gone = tombstone({ path: 'gone', timestamp: 50 });
    const kept = [row({ path: 'live', timestamp: 1 }), tombstone({ path: 'late', timestamp: 2 })];
    await storage.commit([purging('doc', [gone], [gone, ...kept])]);
    const newer = kept.map((old) => row({ path: old.path, timestamp: 3, value: '"new"' }));
    const { expired = [] } = await storage.commit([change('doc', newer)]);
    t.strictSame(expired, []);
    t.strictSame(await rowsOf(storage, 'doc'), sorted(newer));
  });

  test('TMB2 a commit is judged by the horizon before it', async (t, storage) => {
    const fresh = row({ path: 'fresh', timestamp: 10 });
    const gone = tombstone({ path: 'gone', timestamp: 50 });
    const { expired = [] } = await storage.commit([purging('doc', [gone], [fresh, gone])]);
    t.strictSame([await rowsOf(storage, 'doc'), expired], [[fresh], []]);
  });

  test('TMB2 a purge leaves what was written after the tombstone', async (t, storage) => {
    const gone = tombstone({ path: 'field', timestamp: 50 });
    const newer = row({ path: 'field', timestamp: 51 });
    const older = row({ path: 'unseen', timestamp: 49 });
    await storage.commit([change('doc', [gone, older])]);
    await storage.commit([change('doc', [newer])]);
    await storage.commit([purging('doc', [gone, tombstone({ path: 'unseen', timestamp: 50 })])]);
    t.strictSame(await rowsOf(storage, 'doc'), [newer], 'and takes what the tombstone had replaced');
  });

  test('TMB2 horizons are joined, whatever the sequence', async (t, storage) => {
    const purged = [
      tombstone({ path: 'a', timestamp: 5, counter: 9, clientId: 'z', stamp: 1 }),
      tombstone({ path: 'b', timestamp: 6, counter: 1, clientId: '\ufb00', stamp: 3 }),
      tombstone({ path: 'c', timestamp: 6, counter: 1, clientId: '\u{1f600}', stamp: 2 }),
    ];
    const expected = { timestamp: 6, counter: 1, clientId: '\u{1f600}', stamp: 3 };
    t.strictSame(horizonOf(purged), expected);
    for (const [name, rows] of [['up', purged] as const, ['down', [...purged].reverse()] as const]) {
      for (const purgedRow of rows) await storage.commit([purging(name, [purgedRow])]);
      t.strictSame(await horizonIn(storage, name), expected);
    }
    await storage.commit([purging('twice', purged.slice(0, 1)), purging('twice', purged.slice(1))]);
    t.strictSame(await horizonIn(storage, 'twice'), expected);
  });

  test('TMB2 writes and purges at the same time: nothing comes back', async (t, storage) => {
    const fields = Array.from({ length: 20 }, (_, i) => `f${i}`);
    for (let round = 0; round < 5; round++) {
      const at = 100 * (round + 1);
      const gone = fields.map((path) => tombstone({ path, timestamp: at }));
      await storage.commit([change('doc', gone)]);
      const old = fields.map((path) => storage.commit([change('doc', [row({ path, timestamp: at - 1 })])]));
      await Promise.all([...old.slice(0, 10), storage.commit([purging('doc', gone)]), ...old.slice(10)]);
      t.strictSame(await rowsOf(storage, 'doc'), [], `round ${round}`);
    }
  });

  const seed = newSeed();
  test(`TMB2 random writes and purges end as the rules say (SEED=${seed})`, async (t, storage, opened) => {
    const random = randomFrom(seed);
    const model = new Map<string, FieldRow>();
    let horizon: Horizon | undefined;
    const isGreater = (a: FieldRow, b: FieldRow | Horizon): boolean =>
      a.timestamp === b.timestamp ? a.counter > b.counter : a.timestamp > b.timestamp;
    let counter = 0;
    for (let step = 0; step < 150; step++) {
      const about = { timestamp: random.below(30) + step, counter: ++counter, stamp: counter };
      const path = `f${random.below(6)}`;
      const written = random.below(3) === 0 ? tombstone({ ...about, path }) : row({ ...about, path });
      const dead = [...model.values()].filter((field) => field.deleted && random.below(2) === 0);
      const purged = random.below(4) === 0 ? dead : [];
      await storage.commit([purged.length === 0 ? change('doc', [written]) : purging('doc', purged, [written])]);
      const held = model.get(path);
      if (isGreater(written, held ?? horizon ?? { ...written, timestamp: -1 })) model.set(path, written);
      for (const field of purged) {
        if (model.get(field.path) === field) model.delete(field.path);
        horizon = mergeHorizons(horizon, field);
      }
      if (step % 30 === 29) t.strictSame(await rowsOf(storage, 'doc'), sorted([...model.values()]), `step ${step}`);
    }
    const last = (await opened.reopen()) ?? (await open(storage));
    t.strictSame(await rowsOf(last, 'doc'), sorted([...model.values()]));
    t.strictSame(await horizonIn(last, 'doc'), horizon);
  });
}

/** For storages that nothing outlives. */
function open(storage: Storage): Promise<Storage> {
  return Promise.resolve(storage);
}
