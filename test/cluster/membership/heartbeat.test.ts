/** How a node uses the list of nodes: through the code of the first shard, with a shared state in memory. */
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { MemorySharedState, MemorySharedStore } from '../../../src/cluster/memory/shared-state.js';
import type { NodeEntry } from '../../../src/cluster/membership/shared-state.js';
import { answerCluster } from '../../../src/shard/replication/cluster-requests.js';
import { askCluster } from '../../../src/pool/cluster-client.js';
import { ClusterHeartbeat, type HeartbeatOptions } from '../../../src/cluster/membership/heartbeat.js';
import type { ShardSet } from '../../../src/pool/shard-set.js';
import type { Work } from '../../../src/messages/work.js';
import { entryOf } from '../../contract/shared-state.js';
import { until } from '../../support/nodes/server.js';

class Member {
  readonly heartbeat: ClusterHeartbeat;
  readonly logged: string[] = [];
  readonly gone: string[] = [];
  readonly counted = { failures: 0, malformed: 0, announcements: 0 };
  /** Whether Redis, or the shard, is unavailable. */
  away = false;
  entry: NodeEntry;

  constructor(t: Test, store: MemorySharedStore, entry: Partial<NodeEntry>, options: Partial<HeartbeatOptions> = {}) {
    this.entry = entryOf(entry);
    const state = new MemorySharedState(store);
    const ask = async (work: Work): Promise<unknown> => {
      if (this.away || work.kind !== 'cluster') throw new Error('away');
      return answerCluster(state, work.request);
    };
    const shards = { links: [{ ask }] } as unknown as ShardSet;
    this.heartbeat = new ClusterHeartbeat({
      entry: () => this.entry,
      announce: (entry, leaseMs) => {
        this.counted.announcements++;
        return askCluster(shards, { kind: 'announce', entry, leaseMs });
      },
      leave: (run) => askCluster(shards, { kind: 'leave', run }),
      log: pino({}, { write: (line: string) => void this.logged.push(line) }),
      metrics: {
        clusterAnnounceFailures: { add: (amount) => void (this.counted.failures += amount) },
        clusterMalformed: { add: (amount) => void (this.counted.malformed += amount) },
      },
      onGone: (runs) => void this.gone.push(...runs),
      everyMs: 20,
      leaseMs: 300,
      ...options,
    });
    t.teardown(() => this.heartbeat.leave());
    this.heartbeat.beat();
  }

  get ids(): string[] {
    return this.heartbeat.status().nodes.map(({ facts }) => facts.run);
  }

  /** Waits for some more announcements. */
  async beats(count: number): Promise<void> {
    const from = this.counted.announcements;
    await until('announcements', () => this.counted.announcements >= from + count);
  }
}

test('nodes see each other, and their rooms are summed up', async (t) => {
  const store = new MemorySharedStore();
  const room = (id: string, subscribers: number, lastModified: number) => ({ id, subscribers, lastModified });
  const a = new Member(t, store, { run: 'a', rooms: [room('x', 1, 5), room('y', 2, 2)] });
  const b = new Member(t, store, { run: 'b', nodeId: 'other', rooms: [room('x', 3, 4)] });
  await until('both to see both', () => a.ids.length === 2 && b.ids.length === 2);
  t.same(a.ids, ['a', 'b'], 'the own one first');
  t.equal(a.heartbeat.size, 2);
  const { stale, rooms, nodes } = a.heartbeat.status();
  t.equal(stale, false);
  t.strictSame(rooms, [
    { ...room('x', 4, 5), nodes: 2 },
    { ...room('y', 2, 2), nodes: 1 },
  ]);
  t.notOk('rooms' in nodes[1]!.facts, 'only the sums cross threads');
  a.entry = { ...a.entry, connections: 77 };
  t.equal(a.heartbeat.status().nodes[0]?.facts.connections, 77, 'the own numbers are those of now');
  await b.heartbeat.leave();
  await until('one to be gone', () => a.ids.length === 1);
  await a.beats(3);
  t.same(a.ids, ['a'], 'and stays gone');
});

test('a list that is too old is stale until the next one', async (t) => {
  const store = new MemorySharedStore();
  const a = new Member(t, store, { run: 'a' });
  const b = new Member(t, store, { run: 'b', nodeId: 'other' });
  await until('both to see both', () => a.ids.length === 2 && b.ids.length === 2);
  a.away = true;
  await until('it to be alone', () => a.heartbeat.status().stale);
  t.same(a.ids, ['a']);
  t.equal(a.heartbeat.size, 1);
  t.match(a.heartbeat.status().rooms, [{ id: 'doc', subscribers: 5, nodes: 1 }], 'the own rooms');
  t.ok(a.counted.failures > 1);
  t.equal(a.logged.length, 1, 'said once');
  t.same(a.gone, [], 'nobody is said to be dead because Redis is away');
  a.away = false;
  await until('both again', () => a.ids.length === 2);
  t.equal(a.heartbeat.status().stale, false);
});

test('before the first list the status is stale', (t) => {
  const never = () => new Promise<never>(() => undefined);
  const { heartbeat } = new Member(t, new MemorySharedStore(), { run: 'a' }, { announce: never, leave: never });
  t.match(heartbeat.status(), { stale: true, ageMs: undefined, nodes: [{ self: true }] });
  t.end();
});

test('a missing node has ended only after a complete list: a Redis that lost its data ends nobody', async (t) => {
  const store = new MemorySharedStore();
  const a = new Member(t, store, { run: 'a' });
  const b = new Member(t, store, { run: 'b', nodeId: 'other' });
  await until('both to see both', () => a.ids.length === 2 && b.ids.length === 2);
  // The data is lost just before node a announces itself: it is alone on the list that it gets.
  b.away = true;
  store.nodes.clear();
  await a.beats(3);
  t.same(a.ids, ['a']);
  b.away = false;
  await until('both again', () => a.ids.length === 2);
  // More than a lease.
  await a.beats(30);
  t.same(a.gone, []);
  await b.heartbeat.leave();
  await until('its end', () => a.gone.length > 0);
  await a.beats(3);
  t.same(a.gone, ['b'], 'said once');

  // Listed and lost before the list is complete again.
  const c = new Member(t, store, { run: 'c', nodeId: 'third' });
  await until('it to be seen', () => a.ids.length === 2);
  c.away = true;
  store.nodes.clear();
  await until('its end', () => a.gone.length > 1);
  t.same(a.gone, ['b', 'c']);
});

test('two processes with one id: each logs a warning, once', async (t) => {
  const store = new MemorySharedStore();
  const a = new Member(t, store, { run: 'a', pid: 1 });
  const b = new Member(t, store, { run: 'b', pid: 2 });
  await until('warnings', () => a.logged.length > 0 && b.logged.length > 0);
  await a.beats(5);
  t.equal(a.logged.length, 1);
  t.equal(b.logged.length, 1);
  t.match(JSON.parse(a.logged[0]!), { level: 40, nodeId: 'node', other: { pid: 2 }, msg: /with the id of this node/ });
  t.match(JSON.parse(b.logged[0]!), { other: { pid: 1 } });
  t.same(a.ids, ['a', 'b'], 'both are listed');
});

test('a former run, killed or about to leave, causes no warning', async (t) => {
  const store = new MemorySharedStore();
  const former = new Member(t, store, { run: 'former' }, { leaseMs: 60_000, everyMs: 600_000 });
  await former.beats(1);
  const next = new Member(t, store, { run: 'next' });
  await next.beats(10);
  t.same(next.ids, ['next', 'former'], 'it is still on the list');
  // The process that is replaced may announce itself once more before it gets the signal.
  former.heartbeat.beat();
  await next.beats(5);
  former.entry = { ...former.entry, draining: true };
  for (let i = 0; i < 3; i++) {
    former.heartbeat.beat();
    await next.beats(5);
  }
  t.same(next.logged, []);
  t.same(
    former.logged.filter((line) => line.includes('with the id')),
    [],
  );
});

test('draining is announced at once, and leaving is not undone by an announcement in progress', async (t) => {
  const store = new MemorySharedStore();
  const slow = { everyMs: 600_000 };
  const a = new Member(t, store, { run: 'a' }, slow);
  await until('it to be listed', () => store.nodes.has('a'));
  a.entry = { ...a.entry, draining: true };
  a.heartbeat.beat();
  await until('it to be told', () => store.nodes.get('a')?.text.includes('"draining":true') === true);
  a.heartbeat.beat();
  await a.heartbeat.leave();
  t.equal(store.nodes.size, 0);
  a.heartbeat.beat();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(store.nodes.size, 0);
});

test('entries that can not be read are counted', async (t) => {
  const store = new MemorySharedStore();
  const now = Date.now();
  store.nodes.set('bad', { renewedAt: now, endsAt: now + 60_000, text: '{}' });
  const a = new Member(t, store, { run: 'a' });
  await until('the count', () => a.counted.malformed > 0);
  t.same(a.ids, ['a']);
});
