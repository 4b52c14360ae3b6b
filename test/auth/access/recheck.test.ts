/** When answers of the application are asked for anew: while they are in use, the oldest first, and bounded. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import { AccessCache, type AccessCacheOptions } from '../../../src/auth/access/access-cache.js';
import type { AccessQuestion, Decision } from '../../../src/auth/access/access-client.js';
import { until } from '../../support/nodes/server.js';

const yes: Decision = { read: true, write: false, admin: false, ttlMs: 3_600_000 };
const no: Decision = { ...yes, read: false };
const about = (documentId: string | null, userId = 'ann'): AccessQuestion => ({
  ...{ userId, documentId },
  claims: undefined,
  address: '192.0.2.1',
});

class World {
  readonly questions: string[] = [];
  readonly changes: string[] = [];
  answer: (question: AccessQuestion) => Decision | undefined = () => yes;
  readonly cache: AccessCache;

  constructor(t: Test, options: Partial<AccessCacheOptions> = {}) {
    this.cache = new AccessCache({
      ask: (question) => {
        this.questions.push(`${question.userId} ${question.documentId}`);
        return Promise.resolve(this.answer(question));
      },
      ...{ whenAway: 'deny', staleMs: 0, maxEntries: 1_000, recheckMs: 50, maxRechecksPerSecond: 10_000 },
      ...options,
    });
    t.teardown(() => {
      this.cache.close();
    });
  }

  async use(documentId: string, userId = 'ann'): Promise<() => void> {
    const entry = this.cache.entry(about(documentId, userId))!;
    await entry.pending;
    const changed = (): void => void this.changes.push(documentId);
    this.cache.use(entry, changed);
    return () => {
      this.cache.release(entry, changed);
    };
  }
}

test('an answer that is old when somebody comes is asked for, also when nobody stays', async (t) => {
  const world = new World(t);
  (await world.use('doc'))();
  await until('a further question', async () => {
    (await world.use('doc'))();
    return world.questions.length > 1;
  });
  const young = new World(t, { recheckMs: 3_600_000 });
  for (let i = 0; i < 3; i++) (await young.use('doc'))();
  await young.use('other');
  await sleep(300);
  t.same(young.questions, ['ann doc', 'ann other'], 'not while it is young');
});

test('an answer that is in use is asked for anew, long before its time is over', async (t) => {
  const world = new World(t);
  const release = await world.use('doc');
  await until('further questions', () => world.questions.length > 2);
  t.same(world.changes, [], 'the same answer changes nothing');
  world.answer = () => no;
  await until('the change', () => world.changes.length === 1);
  release();
  const asked = world.questions.length;
  await world.use('other');
  await until('questions about the other', () => world.questions.filter((q) => q === 'ann other').length > 3);
  t.equal(world.questions.filter((q) => q === 'ann doc').length, asked, 'nobody uses the first one');
});

test('while the application is away, what was answered counts to the end of its time', async (t) => {
  const world = new World(t);
  await world.use('doc');
  world.answer = () => undefined;
  const before = world.questions.length;
  await until('questions without an answer', () => world.questions.length > before + 2);
  t.same(world.changes, []);
  t.match(world.cache.entry(about('doc'))?.known, { read: true });
});

test('questions are bounded, and everything in use has its turn', async (t) => {
  const world = new World(t, { maxRechecksPerSecond: 20 });
  for (let i = 0; i < 30; i++) await world.use(`doc-${i}`);
  const first = world.questions.splice(0).length;
  t.equal(first, 30);
  const began = performance.now();
  await until('a turn of each', () => new Set(world.questions).size === 30);
  // Ticks may come late, never early; one allowance may have been saved up.
  t.ok(world.questions.length <= 20 + (20 * (performance.now() - began)) / 1_000 + 1);
  t.ok(world.cache.lagMs > 0, 'and the lag is known');
});

test('a change that is announced is asked for at once, also without rechecks', async (t) => {
  const world = new World(t, { recheckMs: 0 });
  await world.use('a');
  await world.use('b');
  await world.use('a', 'bob');
  await sleep(150);
  t.equal(world.questions.length, 3, 'nothing is asked for by itself');
  world.answer = () => no;
  world.cache.refresh({ userId: 'bob' });
  await until('bob’s', () => world.changes.length === 1);
  world.cache.refresh({ documentId: 'b' });
  await until('of b', () => world.changes.length === 2);
  t.same(world.changes, ['a', 'b']);
  world.cache.refresh({ userId: 'ann', documentId: 'a' });
  await until('ann’s a', () => world.changes.length === 3);
  t.same(world.questions.slice(3), ['bob a', 'ann b', 'ann a']);
});

test('what nobody uses is forgotten when a change is announced, and a refresh that failed is tried again', async (t) => {
  const world = new World(t, { recheckMs: 0 });
  const release = await world.use('a');
  release();
  world.cache.refresh({ documentId: 'a' });
  t.equal(world.cache.size, 0);
  await world.use('b');
  world.answer = () => undefined;
  world.cache.refresh({ userId: 'ann' });
  const before = world.questions.length;
  await until('more than one try', () => world.questions.length > before + 1);
  world.answer = () => no;
  await until('the change', () => world.changes.length === 1);
});

test('an older answer that comes later changes nothing', async (t) => {
  const waiting: ((decision: Decision) => void)[] = [];
  const world = new World(t, { recheckMs: 0, ask: () => new Promise((resolve) => waiting.push(resolve)) });
  const entry = world.cache.entry(about('doc'))!;
  waiting.shift()!(yes);
  await entry.pending;
  world.cache.use(entry, () => undefined);
  world.cache.refresh({ userId: 'ann' });
  await until('a question', () => waiting.length === 1);
  world.cache.refresh({ userId: 'ann' });
  await until('another one', () => waiting.length === 2);
  waiting[1]!(no);
  await until('its answer', () => !(entry.known as Decision).read);
  waiting[0]!(yes);
  await sleep(20);
  t.match(entry.known, { read: false });
});
