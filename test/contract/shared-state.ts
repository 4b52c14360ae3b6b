/** What every shared state promises; each adapter runs this suite (test/cluster/<adapter>/). */
import t, { type Test as Tap } from 'tap';
import { MAX_ROOMS, type NodeEntry, type SharedState } from '../../src/cluster/membership/shared-state.js';
import { until } from '../support/nodes/server.js';

/** What the states of one test share. */
export interface SharedWorld {
  open(): SharedState;
  /** Puts an entry into the list as some other version of the server would: a valid time and this text. */
  inject(run: string, text: string, leaseMs: number): Promise<void>;
}

/** Longer than any test. */
const LONG_MS = 600_000;

export function entryOf(about: Partial<NodeEntry> = {}): NodeEntry {
  return {
    nodeId: 'node',
    publicId: 'public',
    run: 'run',
    version: '1.2.3',
    pid: 7,
    host: 'host',
    port: 8080,
    startedAt: 1_700_000_000_000,
    connections: 1,
    users: 2,
    clients: 3,
    documents: 4,
    draining: false,
    rooms: [{ id: 'doc', subscribers: 5, lastModified: 6 }],
    ...about,
  };
}

/** Runs the suite with a world of its own for each test. */
export function sharedStateContract(name: string, open: (t: Tap) => Promise<SharedWorld>): void {
  const test = (
    title: string,
    run: (t: Tap, states: readonly [SharedState, SharedState], world: SharedWorld) => Promise<void>,
  ): void => {
    void t.test(`${name}: ${title}`, async (t) => {
      const world = await open(t);
      const states = [world.open(), world.open()] as const;
      t.teardown(() => {
        for (const state of states) state.close();
      });
      await run(t, states, world);
    });
  };
  const runsOf = async (state: SharedState, run: string): Promise<string[]> =>
    (await state.announce(entryOf({ run }), LONG_MS)).nodes.map((node) => node.run).sort();

  test('who announces itself is told of all, as they said it', async (t, [a, b]) => {
    const first = await a.announce(entryOf({ run: 'a' }), LONG_MS);
    const { renewedAt, ...told } = first.nodes[0]!;
    t.strictSame(told, entryOf({ run: 'a' }));
    t.equal(renewedAt, first.now);
    t.equal(first.known, false);
    t.equal(first.malformed, 0);
    const rooms = [{ id: 'é"\n,{', subscribers: 1, lastModified: 0 }];
    const second = await b.announce(entryOf({ run: 'b', nodeId: 'a,b', rooms, draining: true }), LONG_MS);
    t.equal(second.known, false);
    const found = second.nodes.find(({ run }) => run === 'b');
    t.match(found, { nodeId: 'a,b', rooms, draining: true });
    t.equal(second.nodes.find(({ run }) => run === 'a')?.renewedAt, renewedAt);
    const third = await a.announce(entryOf({ run: 'a', connections: 99 }), LONG_MS);
    t.equal(third.known, true);
    t.equal(third.nodes.length, 2);
    t.equal(third.nodes.find(({ run }) => run === 'a')?.connections, 99);
    t.ok(third.now >= first.now);
  });

  test('an entry leaves when its own lease has run out, whatever that of others', async (t, [a, b]) => {
    await a.announce(entryOf({ run: 'short' }), 300);
    await a.announce(entryOf({ run: 'long' }), LONG_MS);
    t.same(await runsOf(b, 'b'), ['b', 'long', 'short']);
    await until('the short one to leave', async () => !(await runsOf(b, 'b')).includes('short'));
    t.same(await runsOf(b, 'b'), ['b', 'long']);
  });

  test('who renews its entry stays', async (t, [a, b]) => {
    await a.announce(entryOf({ run: 'a' }), 1_000);
    const first = await b.announce(entryOf({ run: 'b' }), LONG_MS);
    await until('the first lease to be over', async () => {
      await a.announce(entryOf({ run: 'a' }), 1_000);
      return (await b.announce(entryOf({ run: 'b' }), LONG_MS)).now > first.now + 1_500;
    });
    t.same(await runsOf(b, 'b'), ['a', 'b']);
  });

  test('who leaves is gone at once, and nobody else is', async (t, [a, b]) => {
    await a.announce(entryOf({ run: 'a' }), LONG_MS);
    await b.announce(entryOf({ run: 'b' }), LONG_MS);
    await a.leave('a');
    await a.leave('nobody');
    t.same(await runsOf(b, 'b'), ['b']);
    t.equal((await a.announce(entryOf({ run: 'a' }), LONG_MS)).known, false);
  });

  test('many announce themselves at once, and each is in the list that it gets', async (t, states) => {
    const runs = Array.from({ length: 50 }, (_, i) => `run${i}`);
    const lists = await Promise.all(runs.map((run, i) => states[i % 2]!.announce(entryOf({ run }), LONG_MS)));
    for (const [i, { nodes }] of lists.entries()) t.ok(nodes.some(({ run }) => run === runs[i]));
    t.same(await runsOf(states[0], 'run0'), [...runs].sort());
  });

  test('what is no entry is left out and counted; what a later version adds is ignored', async (t, [a], world) => {
    const bad = ['', 'null', '{', '[]', '{"run":"x"}', JSON.stringify({ ...entryOf(), connections: -1 })];
    bad.push(JSON.stringify(entryOf({ nodeId: 'x'.repeat(1_000) })));
    bad.push(JSON.stringify({ ...entryOf(), rooms: [{ id: 7 }] }), JSON.stringify({ ...entryOf(), rooms: 'none' }));
    for (const [i, text] of bad.entries()) await world.inject(`bad${i}`, text, LONG_MS);
    const rooms = [{ id: 'doc', subscribers: 1, lastModified: 1, added: 1 }];
    await world.inject('later', JSON.stringify({ ...entryOf({ run: 'later' }), added: { a: 1 }, rooms }), LONG_MS);
    const many = Array.from({ length: MAX_ROOMS + 5 }, (_, i) => ({ id: `d${i}`, subscribers: 1, lastModified: 1 }));
    await world.inject('large', JSON.stringify(entryOf({ run: 'large', rooms: many })), LONG_MS);
    const { nodes, malformed } = await a.announce(entryOf({ run: 'a' }), LONG_MS);
    t.same(nodes.map(({ run }) => run).sort(), ['a', 'large', 'later']);
    t.equal(malformed, bad.length);
    t.notOk('added' in nodes.find(({ run }) => run === 'later')!);
    t.equal(nodes.find(({ run }) => run === 'large')?.rooms.length, MAX_ROOMS);
  });

  test('counts are those of a key and of a window', async (t, [a, b]) => {
    t.match(await a.count('key', LONG_MS), { count: 1 });
    t.match(await b.count('key', LONG_MS), { count: 2 });
    t.match(await b.count('other', LONG_MS), { count: 1 });
    const { count, endsInMs } = await a.count('key', 1);
    t.equal(count, 3);
    t.ok(endsInMs > 1 && endsInMs <= LONG_MS, 'the window is that of the first');
    const counts = await Promise.all(Array.from({ length: 40 }, (_, i) => [a, b][i % 2]!.count('many', LONG_MS)));
    t.same(
      counts.map((counted) => counted.count).sort((x, y) => x - y),
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    await a.count('short', 50);
    await until('a new window', async () => (await a.count('short', 50)).count === 1);
  });

  test('the list and a count of one name have nothing to do with each other', async (t, [a]) => {
    await a.count('nodes', LONG_MS);
    t.match(await a.count('nodes', LONG_MS), { count: 2 });
    t.same(await runsOf(a, 'a'), ['a']);
  });

  const policy = { free: 2, firstWaitMs: LONG_MS, longestWaitMs: LONG_MS, keepMs: LONG_MS };
  const attempts = async (state: SharedState, key: string, times: number, by = policy): Promise<void> => {
    for (let i = 0; i < times; i++) await state.attempt(key, by);
  };

  test('attempts are counted together, and who has used up the free ones waits', async (t, [a, b]) => {
    t.equal(await a.attempt('x', policy), 0);
    t.equal(await b.attempt('x', policy), 0);
    t.equal(await a.attempt('x', policy), 0, 'made without knowing whether it succeeds');
    const wait = await b.attempt('x', policy);
    t.ok(wait > LONG_MS / 2 && wait <= LONG_MS, `${wait} ms`);
    t.ok((await a.attempt('x', policy)) <= wait, 'it does not begin anew');
    t.equal(await a.attempt('y', policy), 0, 'another key');
  });

  test('each wait is twice as long as the one before, up to the longest', async (t, [a, b]) => {
    const generous = { ...policy, free: 1_000 };
    await attempts(a, 'x', 9, generous);
    await attempts(a, 'x', 1, { ...policy, firstWaitMs: 1_000 });
    const wait = await b.attempt('x', policy);
    // The tenth is the eighth that is not free.
    t.ok(wait > 64_000 && wait <= 128_000, `${wait} ms`);
    await attempts(a, 'y', 60, generous);
    await attempts(a, 'y', 1, { ...policy, longestWaitMs: 90_000 });
    const longest = await b.attempt('y', policy);
    t.ok(longest > 45_000 && longest <= 90_000, `${longest} ms`);
  });

  test('while one has to wait nothing is counted, and what was counted ends', async (t, [a]) => {
    const short = { ...policy, free: 0, firstWaitMs: 20, longestWaitMs: 20 };
    await a.attempt('x', short);
    await until('the end of the wait', async () => (await a.attempt('x', short)) === 0);
    const brief = { ...policy, free: 0, keepMs: 50 };
    await a.attempt('y', brief);
    t.ok((await a.attempt('y', { ...brief, keepMs: LONG_MS })) >= 0);
    await until('the end of what was counted', async () => (await a.attempt('y', brief)) === 0);
  });

  test('a success clears what was counted, or takes back one attempt', async (t, [a, b]) => {
    for (const key of ['cleared', 'taken back']) await attempts(a, key, 3);
    t.ok((await b.attempt('cleared', policy)) > 0);
    await b.clear('cleared');
    t.equal(await a.attempt('cleared', policy), 0);
    t.equal(await a.attempt('cleared', policy), 0);
    await b.takeBack('taken back');
    t.equal(await a.attempt('taken back', policy), 0, 'no wait any more');
    t.ok((await a.attempt('taken back', policy)) > 0, 'the others still count');
    for (const work of [() => a.clear('unknown'), () => a.takeBack('unknown')]) await work();
    t.equal(await a.attempt('unknown', policy), 0);
  });

  test('what is closed rejects', async (t, [a, b]) => {
    await a.announce(entryOf({ run: 'a' }), LONG_MS);
    a.close();
    a.close();
    const works: (() => Promise<unknown>)[] = [
      () => a.announce(entryOf(), 1),
      () => a.leave('a'),
      () => a.count('k', 1),
    ];
    works.push(
      () => a.attempt('k', policy),
      () => a.clear('k'),
      () => a.takeBack('k'),
    );
    for (const work of works) {
      await t.rejects(
        async () => {
          await work();
        },
        { name: 'SharedStateError' },
      );
    }
    t.same(await runsOf(b, 'b'), ['a', 'b']);
  });
}
