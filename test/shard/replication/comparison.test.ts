import { mock } from 'node:test';
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { Comparison } from '../../../src/shard/replication/comparison.js';

interface Fixture {
  readonly comparison: Comparison;
  /** By document: the last commits of the storage, and up to where this node is complete. */
  readonly stored: Map<string, number>;
  readonly seen: Map<string, number>;
  readonly stale: string[];
  readonly back: string[];
  readonly counted: { looks: number };
}

/** Between two looks. What is missing is stale after one or two times 500 ms. */
const INTERVAL_MS = 20;

/** Lets so many milliseconds pass at once, for timers and for what they start. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    mock.timers.tick(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function fixture(t: Test, atLook: (look: number) => void = () => undefined): Fixture {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const [stored, seen] = [new Map<string, number>(), new Map<string, number>()];
  const [stale, back]: [string[], string[]] = [[], []];
  const counted = { looks: 0 };
  const comparison = new Comparison({
    storage: {
      lastCommits: async (ids) => {
        const numbers = ids.map((id) => stored.get(id) ?? 0);
        atLook(++counted.looks);
        await Promise.resolve();
        return numbers;
      },
    },
    log: pino({ level: 'silent' }),
    intervalMs: INTERVAL_MS,
    documentIds: () => stored.keys(),
    completeUpTo: (id) => seen.get(id),
    onStale: (ids) => stale.push(...ids),
    onBack: (ids) => back.push(...ids),
  });
  t.teardown(() => comparison.close());
  return { comparison, stored, seen, stale, back, counted };
}

test('a document that lacks a commit is stale, unless its update comes soon', async (t) => {
  const { stored, seen, stale, back } = fixture(t);
  for (const id of ['lacks', 'late', 'has']) stored.set(id, 5);
  for (const [id, upTo] of [
    ['lacks', 4],
    ['late', 4],
    ['has', 5],
  ] as const)
    seen.set(id, upTo);
  await pass(480);
  t.strictSame(stale, [], 'it may be on its way');
  seen.set('late', 5);
  await pass(1_020 + INTERVAL_MS);
  t.strictSame([...new Set(stale)], ['lacks']);
  t.strictSame(back, []);
});

test('a gap that shows while another is judged is judged, too', async (t) => {
  const { comparison, stored, seen, stale } = fixture(t);
  stored.set('doc', 0);
  seen.set('doc', 4);
  comparison.suspect('doc', 5);
  await pass(700);
  comparison.suspect('doc', 7);
  seen.set('doc', 5);
  await pass(700);
  t.strictSame(stale, [], 'the first gap has closed, the second is judged later');
  await pass(200);
  t.strictSame(stale, ['doc']);
});

test('a database that went back is noticed, and a commit during the look is none', async (t) => {
  const { stored, seen, back, counted } = fixture(t, (look) => {
    // Committed and seen after the answer was made.
    seen.set('busy', 10 + look);
    stored.set('busy', 10 + look);
  });
  stored.set('restored', 90);
  stored.set('busy', 10);
  seen.set('restored', 100);
  seen.set('busy', 10);
  await pass(5 * INTERVAL_MS);
  t.ok(counted.looks >= 4);
  t.strictSame([...new Set(back)], ['restored']);
});
