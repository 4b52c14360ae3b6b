/**
 * Awareness across nodes, in one thread: whatever the network does, all nodes show the same states, and so do their
 * subscribers. `SEEDS=500` runs more sessions, `SEED=…` repeats one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import type { Session } from '../../../src/acceptor/session/session.js';
import {
  encodeAwareness,
  type AwarenessMessage,
  type AwarenessStateRecord,
} from '../../../src/cluster/awareness-message.js';
import { shownBy } from '../../support/awareness-follower.js';
import { AwarenessNetwork, type AwarenessNode } from '../../support/awareness-nodes.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { recordingSession } from '../../support/recording-session.js';
import { until } from '../../support/server.js';

const seeds = seedsToPlay([3], 100);

function network(t: Test): AwarenessNetwork {
  const made = new AwarenessNetwork();
  t.teardown(() => made.nodes.forEach(({ awareness }) => awareness.stop()));
  return made;
}

function say(
  { awareness }: AwarenessNode,
  session: Session,
  clientId: string,
  state: object | null,
  clock: number,
  { userId = 'u', documentId = 'd' } = {},
): string {
  const text = state === null ? undefined : JSON.stringify(state);
  return awareness.update(session, userId, { documentId, clientId, state: text, clock });
}

/** Waits until all nodes and their subscribers show this. */
async function shows(nodes: readonly AwarenessNode[], expected: readonly string[], documentId = 'd'): Promise<void> {
  const wanted = JSON.stringify([...expected].sort());
  await until(
    `all to show ${wanted}`,
    () =>
      nodes.every(({ awareness, follower }) => {
        return (
          JSON.stringify(shownBy(awareness, documentId)) === wanted &&
          JSON.stringify(follower.known(documentId)) === wanted
        );
      }),
    10_000,
  ).catch((error: unknown) => {
    const found = nodes.map(({ run, awareness, follower }) => ({
      ...{ run, shown: shownBy(awareness, documentId), known: follower.known(documentId), heard: follower.heard },
    }));
    throw new Error(`${String(error)}: ${JSON.stringify(found, undefined, 1)}`);
  });
}

/** The messages of three processes about four clients of two users, in order, and their states at the end. */
function history(random: Random): { messages: AwarenessMessage[]; owners: (AwarenessStateRecord & { run: string })[] } {
  const messages: AwarenessMessage[] = [];
  const owners: (AwarenessStateRecord & { run: string })[] = [];
  for (const run of ['r1', 'r2', 'r3']) {
    const shown = new Map<string, AwarenessStateRecord>();
    const users = new Map<string, [string, number]>();
    let sequence = 0;
    for (let step = random.between(1, 12); step > 0; step--) {
      sequence++;
      const clientId = `c${random.below(4)}`;
      const action = random.below(10);
      if (action < 6) {
        const former = shown.get(clientId);
        const [user, claimed] = users.get(clientId) ?? [`user ${random.below(2)}`, random.below(3)];
        users.set(clientId, [user, claimed]);
        const isSame = former !== undefined && random.below(3) > 0;
        const generation = isSame ? former.generation : (former?.generation ?? 0) + random.below(3);
        const clock = former === undefined || generation > former.generation ? random.below(5) : former.clock + 1;
        const state = { clientId, user, claimed, generation, clock, state: JSON.stringify({ run, sequence }) };
        shown.set(clientId, state);
        messages.push({ kind: 'changes', run, sequence, states: [state], left: [] });
      } else if (action < 8) {
        shown.delete(clientId);
        messages.push({ kind: 'changes', run, sequence, states: [], left: [clientId] });
      } else {
        const states = random.shuffle([...shown.values()]);
        const parts = [states.slice(0, 2), states.slice(2)];
        parts.forEach((part, i) =>
          messages.push({ kind: 'all', run, sequence, states: part, part: i, isLast: i === 1 }),
        );
      }
    }
    for (const state of shown.values()) owners.push({ ...state, run });
  }
  return { messages, owners };
}

/** The states that count by docs/protocol.md: for each client, the largest generation of the first user. */
function expectedOf(owners: readonly (AwarenessStateRecord & { run: string })[]): string[] {
  return [...new Set(owners.map(({ clientId }) => clientId))]
    .map((clientId) => {
      const own = owners.filter((owner) => owner.clientId === clientId);
      const [first] = own.toSorted((a, b) => a.claimed - b.claimed || (a.run < b.run ? -1 : 1));
      const [shown] = own
        .filter(({ user }) => user === first!.user)
        .sort((a, b) => b.generation - a.generation || b.clock - a.clock || (a.run > b.run ? -1 : 1));
      return `${clientId} ${shown!.state} ${shown!.clock}`;
    })
    .sort();
}

test(`AWR6 messages in any order, some of them twice, lead to the same states, ${seeds.length * 5} histories`, (t) => {
  for (const seed of seeds.flatMap((first) => Array.from({ length: 5 }, (_, i) => first + i))) {
    const random = new Random(seed);
    const { messages, owners } = history(random);
    const expected = JSON.stringify(expectedOf(owners));
    for (let order = 0; order < 3; order++) {
      const { awareness, follower } = network(t).open('own');
      follower.follow(awareness, 'd');
      const twice = messages.filter(() => random.once(3));
      for (const message of random.shuffle([...messages, ...twice])) awareness.receive('d', encodeAwareness(message));
      const found = [JSON.stringify(shownBy(awareness, 'd')), JSON.stringify(follower.known('d'))];
      if (found[0] !== expected || found[1] !== expected) t.strictSame(found, [expected, expected], `SEED=${seed}`);
      awareness.stop();
    }
  }
  t.pass();
  t.end();
});

interface Actor {
  readonly node: AwarenessNode;
  readonly session: Session;
  readonly userId: string;
  /** Its clients and their clocks. */
  readonly clients: Map<string, number>;
}

async function play(t: Test, seed: number): Promise<void> {
  const random = new Random(seed);
  const net = network(t);
  const nodes = ['x', 'y', 'z'].map((run) => net.open(run, { timeoutMs: 100_000 }));
  for (const { awareness, follower } of nodes) follower.follow(awareness, 'd');
  net.arrivals = () => (random.once(6) ? 0 : random.once(6) ? 2 : 1);
  net.delay = () => random.below(6);
  let actors: Actor[] = [];
  for (let step = 0; step < 80; step++) {
    const action = random.below(100);
    if (actors.length === 0 || action < 10) {
      const actor = { session: recordingSession().session, userId: random.pick(['ann', 'bob']), clients: new Map() };
      actors.push({ ...actor, node: random.pick(nodes) });
    } else if (action < 15) {
      const actor = random.pick(actors);
      actor.node.awareness.leaveAll(actor.session);
      actors = actors.filter((other) => other !== actor);
    } else if (action < 20) {
      net.reconnect(random.pick(nodes));
    } else {
      const { node, session, userId, clients } = random.pick(actors);
      const clientId = `${random.once(4) ? 'any' : userId}-${random.below(3)}`;
      const clock = random.once(5) ? random.below(5) : (clients.get(clientId) ?? 0) + 1;
      const state = random.once(6) ? null : { step };
      if (say(node, session, clientId, state, clock, { userId }) === 'accepted') clients.set(clientId, clock);
    }
    if (random.once(3)) await sleep(random.below(4));
  }
  net.arrivals = () => 1;
  await sleep(10);
  for (const node of nodes) net.reconnect(node);
  const all = () => nodes.map(({ awareness }) => JSON.stringify(shownBy(awareness, 'd')));
  await until('all to agree', () => new Set(all()).size === 1, 5_000).catch(() => undefined);
  await sleep(10);
  if (new Set(all()).size !== 1) t.strictSame(all(), [], `SEED=${seed}`);
  for (const { awareness, follower } of nodes) {
    const [known, shown] = [follower.known('d'), shownBy(awareness, 'd')];
    if (JSON.stringify(known) !== JSON.stringify(shown)) t.strictSame(known, shown, `SEED=${seed}`);
  }
  for (const { node, session } of actors) node.awareness.leaveAll(session);
  await shows(nodes, []);
  t.equal(
    nodes.reduce((sum, { awareness }) => sum + awareness.remoteStates, 0),
    0,
  );
  for (const { awareness } of nodes) awareness.stop();
}

test(`AWR6 three nodes over a network that loses, repeats and reorders, ${seeds.length / 4} sessions`, async (t) => {
  const some = seeds.slice(0, Math.max(1, Math.ceil(seeds.length / 4)));
  await Promise.all(some.map((seed) => play(t, seed)));
});

test('AWR6 clients of all nodes are seen on all nodes, also by later subscribers', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  x.follower.follow(x.awareness, 'd');
  const [a, b] = [recordingSession().session, recordingSession().session];
  say(x, a, 'a', { at: 'x' }, 1);
  say(y, b, 'b', { at: 'y' }, 7);
  await shows([x], ['a {"at":"x"} 1', 'b {"at":"y"} 7']);
  y.follower.follow(y.awareness, 'd');
  t.strictSame(y.follower.known('d'), ['a {"at":"x"} 1', 'b {"at":"y"} 7'], 'told at once');
  const z = net.open('z');
  z.follower.follow(z.awareness, 'd');
  await shows([x, y, z], ['a {"at":"x"} 1', 'b {"at":"y"} 7']);
  say(x, a, 'a', null, 2);
  y.awareness.leaveAll(b);
  await shows([x, y, z], []);
  t.ok(x.awareness.states === 0 && x.awareness.remoteStates === 0);
});

test('of frequent changes only the last state is sent', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const { session } = recordingSession();
  say(x, session, 'a', { n: 0 }, 1);
  await shows([x, y], ['a {"n":0} 1']);
  const before = net.sent.changes;
  for (let n = 1; n <= 100; n++) say(x, session, 'a', { n }, n + 1);
  say(x, session, 'a', { n: 100 }, 101);
  await shows([x, y], ['a {"n":100} 101']);
  t.equal(net.sent.changes, before + 1);
  t.strictSame(y.follower.heard, ['a {"n":0} 1', 'a {"n":100} 101']);
});

test('AWR7 a client that moves to another node, with its clock started again, is shown at once', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const [before, after] = [recordingSession().session, recordingSession().session];
  say(x, before, 'a', { at: 'x' }, 50);
  await shows([x, y], ['a {"at":"x"} 50']);
  t.equal(say(y, after, 'a', { at: 'y' }, 1), 'accepted');
  await shows([x, y], ['a {"at":"y"} 1']);
  t.strictSame(x.follower.heard, ['a {"at":"x"} 50', 'a null 50', 'a {"at":"y"} 1']);
  t.strictSame(y.follower.heard, x.follower.heard);
  // The end of the old connection removes nothing.
  x.awareness.leaveAll(before);
  say(y, after, 'a', { at: 'y', n: 2 }, 2);
  await shows([x, y], ['a {"at":"y","n":2} 2']);
  t.equal(x.follower.heard.length, 4);
  // And back, while the other session is still open: the last one to update owns the client.
  const again = recordingSession().session;
  say(x, again, 'a', { at: 'x again' }, 1);
  await shows([x, y], ['a {"at":"x again"} 1']);
  say(y, after, 'a', { at: 'y again' }, 3);
  await shows([x, y], ['a {"at":"y again"} 3']);
  y.awareness.leaveAll(after);
  await shows([x, y], ['a {"at":"x again"} 1']);
});

test('AWR7 a client id that another node shows for another user is refused', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const [ann, eve] = [recordingSession().session, recordingSession().session];
  say(x, ann, 'a', { real: true }, 1, { userId: 'ann' });
  await shows([y], ['a {"real":true} 1']);
  t.equal(say(y, eve, 'a', { fake: true }, 9, { userId: 'eve' }), 'notOwner');
  t.equal(say(y, eve, 'a', null, 9, { userId: 'eve' }), 'notOwner');
  t.strictSame(y.follower.heard, ['a {"real":true} 1']);
  // In a document that nobody here followed, it shows once the other nodes answer: the first user owns the id.
  t.equal(say(y, eve, 'b', {}, 1, { userId: 'eve', documentId: 'e' }), 'accepted');
  await sleep(5);
  const z = net.open('z');
  t.equal(say(z, ann, 'b', { late: true }, 9, { userId: 'ann', documentId: 'e' }), 'accepted');
  z.follower.follow(z.awareness, 'e');
  await shows([z], ['b {} 1'], 'e');
  t.equal(say(z, ann, 'b', { late: true }, 10, { userId: 'ann', documentId: 'e' }), 'notOwner');
  y.awareness.leaveAll(eve);
  await shows([z], ['b {"late":true} 9'], 'e');
  x.awareness.leaveAll(ann);
  await shows([y], []);
  t.equal(say(y, eve, 'a', { mine: true }, 1, { userId: 'eve' }), 'accepted', 'the id is free');
});

test('AWR8 the clients of a dead node leave when they expire or when its death is known', async (t) => {
  const net = network(t);
  const [x, y, z] = [net.open('x'), net.open('y', { timeoutMs: 1_000 }), net.open('z', { timeoutMs: 400 })];
  for (const { awareness, follower } of [x, y, z]) follower.follow(awareness, 'd');
  const sessions = [x, y, z].map((node) => {
    const { session } = recordingSession();
    say(node, session, node.run, {}, 1);
    return session;
  });
  await shows([x, y, z], ['x {} 1', 'y {} 1', 'z {} 1']);
  net.kill(z);
  x.awareness.forgetRuns(['z', 'unknown']);
  await shows([x], ['x {} 1', 'y {} 1']);
  t.strictSame(x.follower.heard.at(-1), 'z null 1');
  // x and y have renewed their states, although these have not changed.
  const renewing = setInterval(() => {
    say(x, sessions[0]!, 'x', {}, 1);
    say(y, sessions[1]!, 'y', {}, 1);
  }, 50);
  t.teardown(() => clearInterval(renewing));
  await until('it to leave by itself', () => y.follower.heard.includes('z null 1'));
  await shows([y], ['y {} 1']).catch(() => undefined);
  t.ok(y.follower.heard.filter((line) => line === 'z null 1').length === 1);
});

test('periodic renewal makes up for lost messages', async (t) => {
  const net = network(t);
  const nodes = [net.open('x', { timeoutMs: 600 }), net.open('y', { timeoutMs: 600 })] as const;
  const [x, y] = nodes;
  for (const { awareness, follower } of nodes) follower.follow(awareness, 'd');
  await sleep(20);
  const [a, b] = [recordingSession().session, recordingSession().session];
  const renewing = setInterval(() => say(x, b, 'b', {}, 1), 20);
  t.teardown(() => clearInterval(renewing));
  say(x, a, 'a', {}, 1);
  say(x, b, 'b', {}, 1);
  await shows([y], ['a {} 1', 'b {} 1']);
  net.arrivals = () => 0;
  x.awareness.leaveAll(a);
  await until('it to be said', () => net.sent.changes >= 2);
  net.arrivals = () => 1;
  t.strictSame(y.follower.known('d'), ['a {} 1', 'b {} 1'], 'it was lost');
  await shows([y], ['b {} 1']);
  t.notOk(y.follower.heard.includes('b null 1'), 'who was renewed has not left meanwhile');
});

test('a new worker of a shard gets everything again, and the clients of a node that drains leave', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const { session } = recordingSession();
  const ids = Array.from({ length: 3_000 }, (_, i) => `room${i}`);
  const many = net.open('many', { maxDocuments: 5_000 });
  many.running = false;
  for (const documentId of ids) say(many, session, 'm', { documentId }, 1, { documentId });
  await sleep(20);
  t.equal(many.followed.size, 0);
  many.running = true;
  many.awareness.restart(0);
  await until('all to be followed', () => many.followed.size === ids.length);
  y.follower.follow(y.awareness, 'room2999');
  await shows([y], ['m {"documentId":"room2999"} 1'], 'room2999');
  say(x, recordingSession().session, 'a', {}, 1);
  await shows([x, y], ['a {} 1']);
  await x.awareness.drain();
  await shows([y], []);
  await many.awareness.drain();
  await shows([y], [], 'room2999');
});

test('very many states of one document are sent in parts, which still reveal the clients that left', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x', { maxClientIds: 5_000, maxDocuments: 5_000 }), net.open('y')];
  y.follower.follow(y.awareness, 'd');
  const { session } = recordingSession();
  for (let i = 0; i < 3_000; i++) say(x, session, `c${i}`, { i, pad: 'x'.repeat(100) }, 1);
  await until('all of them', () => y.awareness.remoteStates === 3_000);
  net.arrivals = () => 0;
  for (let i = 0; i < 3_000; i += 2) say(x, session, `c${i}`, null, 2);
  await sleep(20);
  t.equal(y.awareness.remoteStates, 3_000);
  net.arrivals = () => 1;
  const before = net.sent.all;
  // The last part arrives first.
  let delay = 200;
  net.delay = () => Math.max(0, (delay -= 20));
  net.reconnect(y);
  await until('those that are left', () => y.awareness.remoteStates === 1_500);
  t.ok(net.sent.all - before > 2, 'several parts');
  t.equal(shownBy(y.awareness, 'd').length, 1_500);
  const left = y.follower.heard.filter((line) => line.includes(' null '));
  t.ok(left.length === 1_500 && !left.some((line) => line.startsWith('c1 ')), 'nobody has left for a moment');
  t.equal(y.follower.known('d').length, 1_500);
});

test('the states of other nodes are bounded in memory, and only held for followed documents', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x', { maxClientIds: 5_000, maxDocuments: 5_000 }), net.open('y')];
  const cluster = { run: 'z', maxRemoteBytes: 100_000, shards: { ...idleShards } };
  const z = net.open('z', { cluster });
  for (const { awareness, follower } of [y, z]) follower.follow(awareness, 'd');
  for (let i = 0; i < 1_000; i++) {
    const states = [{ ...aState, clientId: `c${i}`, state: JSON.stringify({ pad: 'x'.repeat(200) }) }];
    const message = encodeAwareness({ kind: 'changes', run: `r${i % 7}`, sequence: i, states, left: [] });
    for (const { awareness } of [x, y, z]) awareness.receive('d', message);
  }
  t.equal(x.awareness.remoteStates, 0);
  t.equal(y.awareness.remoteStates, 1_000);
  t.ok(z.awareness.remoteStates > 50 && z.awareness.remoteStates < 300);
  t.equal(shownBy(z.awareness, 'd').length, z.awareness.remoteStates);
  // A state that does not fit into memory any more is not shown in its former version either.
  const grown = [{ ...aState, clientId: 'c0', clock: 5, state: JSON.stringify({ pad: 'x'.repeat(50_000) }) }];
  z.awareness.receive('d', encodeAwareness({ kind: 'changes', run: 'r0', sequence: 5_000, states: grown, left: [] }));
  t.notOk(shownBy(z.awareness, 'd').some((line) => line.startsWith('c0 ')));
  z.awareness.forgetRuns(Array.from({ length: 1_000 }, (_, i) => `r${i}`));
  await until('all to have left', () => z.awareness.remoteStates === 0);
  t.strictSame(z.follower.known('d'), []);
  y.awareness.leaveAll(y.follower.session);
  t.equal(y.awareness.remoteStates, 0, 'nobody follows it any more');
});

const aState: AwarenessStateRecord = { clientId: 'c', user: 'u', claimed: 1, generation: 1, clock: 1, state: '{}' };
const idleShards = { count: 1, indexOf: () => 0, running: () => false, ready: () => false, send: () => undefined };
