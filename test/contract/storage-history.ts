/** What storage adapters promise about what documents were; part of the suite in storage.ts. */

import type { FieldEntry, HistoryEntry } from '../../src/storage/history/port.js';
import type { Storage } from '../../src/storage/port.js';
import { nextMillisecond } from '../support/next-millisecond.js';
import { all, ann, contentOf, gone, joined, past, recorded, typed, typedPlainly, update } from './history-rows.js';
import { newSeed, randomFrom } from './random.js';
import { storageHistoryPruneContract } from './storage-history-prune.js';
import { change, row } from './storage-rows.js';
import type { Test } from './storage.js';

export function storageHistoryContract(test: Test): void {
  entryTests(test);
  pastTests(test);
  storageHistoryPruneContract(test);
}

function entryTests(test: Test): void {
  test('HIS1 a change leaves who, when, from what and to what', async (t, storage, opened) => {
    const before = Date.now();
    const first = await storage.commit([recorded('doc', [row({ userId: 'ann' })])]);
    t.strictSame(first.recorded?.entries, 1);
    t.ok((first.recorded?.bytes ?? 0) >= 12);
    await storage.commit([recorded('doc', [row({ counter: 8, value: '2', clientId: 'client-2' })])]);
    await storage.commit([recorded('doc', [gone({ counter: 9, userId: 'bob' })])]);
    const current = (await opened.reopen()) ?? storage;
    const { entries, state, keptSince, hasMore } = await current.history.entries('doc', all);
    t.strictSame({ state, keptSince, hasMore }, { state: 'present', keptSince: 0, hasMore: false });
    t.strictSame(entries.map(brief), [
      '3 field: 2 → null by bob/client-1',
      '2 field: "value" → 2 by -/client-2',
      '1 field: null → "value" by ann/client-1',
    ]);
    const times = entries.map(({ at }) => at);
    t.strictSame(
      times,
      times.toSorted((a, b) => b - a),
    );
    t.ok(times.every((at) => at >= before - 60_000 && at <= Date.now() + 60_000));
  });

  test('HIS1 what loses, is repeated, or says what is there, is no change', async (t, storage) => {
    const winner = recorded('doc', [row({ counter: 9 })]);
    await storage.commit([winner]);
    await storage.commit([recorded('doc', [row({ counter: 8, value: '"older"' })])]);
    await storage.commit([winner]);
    const { recorded: added } = await storage.commit([recorded('doc', [row({ counter: 10 })])]);
    t.equal(added?.entries ?? 0, 0);
    t.strictSame(await briefs(storage), ['1 field: null → "value" by -/client-1']);
  });

  test('HIS1 what is replaced before it is stored was a change', async (t, storage) => {
    await storage.commit([recorded('doc', [row({ value: '0' })])]);
    const replaced = [
      row({ counter: 10, value: '3', userId: 'ann' }),
      row({ counter: 9, value: '2', userId: 'bob' }),
      row({ counter: 1, value: '"lost"' }),
    ];
    const winner = row({ counter: 11, value: '4', userId: 'cat' });
    const other = row({ path: 'other', value: '1' });
    await storage.commit([{ ...change('doc', [other, winner]), replaced }]);
    const entries = (await storage.history.entries('doc', all)).entries as readonly FieldEntry[];
    const chain = entries.toReversed().filter(({ commit, path }) => commit === 2 && path === 'field');
    t.strictSame(chain.map(brief), [
      '2 field: 0 → 2 by bob/client-1',
      '2 field: 2 → 3 by ann/client-1',
      '2 field: 3 → 4 by cat/client-1',
    ]);
    const indexes = entries.filter(({ commit }) => commit === 2).map(({ index }) => index);
    t.strictSame(indexes, [3, 2, 1, 0]);
  });

  test('HIS1 only what asks for it leaves entries', async (t, storage) => {
    const { recorded: added } = await storage.commit([change('doc', [row()]), recorded('other', [row()])]);
    t.equal(added?.entries, 1);
    t.strictSame(await briefs(storage), []);
    t.equal((await storage.history.entries('doc', all)).keptSince, undefined);
    t.strictSame(await storage.history.entries('none', all), {
      ...{ state: 'missing', keptSince: undefined, entries: [], hasMore: false },
    });
  });

  test('HIS1 what is older than what was purged is no change', async (t, storage) => {
    const tombstone = gone();
    await storage.commit([recorded('doc', [tombstone])]);
    const horizon = { timestamp: tombstone.timestamp, counter: 7, clientId: 'client-1', stamp: 1 };
    await storage.commit([{ ...recorded('doc', []), purge: { fields: [tombstone], horizon } }]);
    const { expired } = await storage.commit([recorded('doc', [row({ counter: 6 })])]);
    t.strictSame(expired, [{ documentId: 'doc', path: 'field' }]);
    t.strictSame(await briefs(storage), []);
  });

  test('HIS1 entries come page by page, bounded in number and bytes', async (t, storage) => {
    for (let i = 1; i <= 7; i++) {
      const fields = [
        row({ counter: i, value: `${i}` }),
        row({ path: 'b', counter: i, value: `"${'x'.repeat(50 + i)}"` }),
      ];
      await storage.commit([recorded('doc', fields)]);
    }
    const whole = (await storage.history.entries('doc', all)).entries;
    t.equal(whole.length, 14);
    for (const about of [{ limit: 1 }, { limit: 3 }, { limit: 100, maxBytes: 150 }, { limit: 100, maxBytes: 1 }]) {
      const found: HistoryEntry[] = [];
      for (let hasMore = true; hasMore;) {
        const page = await storage.history.entries('doc', { ...all, ...about, before: found.at(-1) });
        t.ok(page.entries.length >= 1 && page.entries.length <= about.limit);
        if (about.maxBytes !== undefined) t.ok(page.entries.length <= 4);
        found.push(...page.entries);
        ({ hasMore } = page);
      }
      t.strictSame(found, whole, JSON.stringify(about));
    }
  });

  test('HIS1 a text leaves who wrote, and how much', async (t, storage) => {
    const authors = [ann, { userId: 'bob' }, {}];
    const { recorded: added } = await storage.commit([typed('doc', [update(1, 5)], { authors })]);
    t.strictSame(added, { entries: 1, bytes: 5 });
    await storage.commit([typed('doc', [update(1, 5)], { authors })]);
    await storage.commit([typed('doc', [update(2, 9)], { replaces: [update(1, 1).id] })]);
    const { entries } = await storage.history.entries('doc', all);
    t.strictSame(
      entries.map(({ at, ...entry }) => ({ ...entry, at: Math.sign(at) })),
      [{ kind: 'text', commit: 1, index: 0, authors, bytes: 5, at: 1 }],
      'neither what is repeated nor a compaction is a change',
    );
  });
}

function pastTests(test: Test): void {
  test('HIS2 the past is what the model says, for fields and texts', async (t, storage, opened) => {
    const seed = newSeed();
    t.comment(`seed ${seed}`);
    const random = randomFrom(seed);
    // What was there before history was kept.
    await storage.commit([change('doc', [row({ path: 'a', counter: 0 })])]);
    await storage.commit([typedPlainly('doc', [update(200, 3)])]);
    await nextMillisecond();
    const model: { readonly at: number; readonly fields: string; readonly text: string }[] = [];
    const fields = new Map([['a', '"value"']]);
    const text = new Set([200]);
    let stored = [200];
    for (let i = 1; i <= 40; i++) {
      if (random.below(3) > 0) {
        const path = 'abc'[random.below(3)]!;
        const isGone = random.below(4) === 0;
        const about = { path, counter: i, userId: 'ann' };
        await storage.commit([recorded('doc', [isGone ? gone(about) : row({ ...about, value: `${i}` })])]);
        if (isGone) fields.delete(path);
        else fields.set(path, `${i}`);
      } else {
        // Now and then one that makes the next be kept as a whole.
        const isLarge = random.below(4) === 0;
        await storage.commit([typed('doc', [update(i, isLarge ? 70_000 : 3)], { authors: [ann] })]);
        text.add(i);
        stored.push(i);
        if (random.below(3) === 0) {
          const replaces = stored.map((number) => update(number, 1).id);
          await storage.commit([typed('doc', [joined(i + 100, [...text])], { replaces })]);
          stored = [i + 100];
        }
      }
      model.push({ at: Date.now() + 1, fields: contentOf(fields), text: [...text].sort().join() });
      await nextMillisecond();
      await nextMillisecond();
    }
    const current = (await opened.reopen()) ?? storage;
    for (const { at, ...expected } of model) t.strictSame(await past(current, at), expected, `seed ${seed} at ${at}`);
    t.strictSame(await past(current, model[0]!.at - 1_000), { fields: '{"a":"value"}', text: '200' });
  });

  test('HIS2 what was kept before is not told of', async (t, storage) => {
    await storage.commit([change('doc', [row()])]);
    await nextMillisecond();
    const between = Date.now();
    await nextMillisecond();
    await storage.commit([recorded('doc', [row({ counter: 9, value: '2' })])]);
    const { keptSince } = await storage.history.at('doc', between);
    t.ok(keptSince! > 0 && keptSince! <= between + 1, 'since it was written last');
  });
}

async function briefs(storage: Storage): Promise<string[]> {
  return (await storage.history.entries('doc', all)).entries.map(brief);
}

function brief(entry: HistoryEntry): string {
  const { commit, path, before, after, author } = entry as FieldEntry;
  return `${commit} ${path}: ${before} → ${after} by ${author.userId ?? '-'}/${author.clientId ?? '-'}`;
}
