/** Awareness across nodes, in one thread: what one node shows reaches the others, and leaves with its client or its node. */
import { test } from 'tap';
import { encodeAwareness, type AwarenessStateRecord } from '../../../src/cluster/awareness-message.js';
import { shownBy } from '../../support/clients/awareness-follower.js';
import { network, setState, shows } from '../../support/nodes/awareness-nodes.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { recordingSession } from '../../support/parts/recording-session.js';
import { until } from '../../support/nodes/server.js';

test('AWR6 clients of all nodes are seen on all nodes, also by later subscribers', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  x.follower.follow(x.awareness, 'd');
  const [a, b] = [recordingSession().session, recordingSession().session];
  setState(x, a, 'a', { at: 'x' }, 1);
  setState(y, b, 'b', { at: 'y' }, 7);
  await shows([x], ['a {"at":"x"} 1', 'b {"at":"y"} 7']);
  y.follower.follow(y.awareness, 'd');
  t.strictSame(y.follower.known('d'), ['a {"at":"x"} 1', 'b {"at":"y"} 7'], 'told at once');
  const z = net.open('z');
  z.follower.follow(z.awareness, 'd');
  await shows([x, y, z], ['a {"at":"x"} 1', 'b {"at":"y"} 7']);
  setState(x, a, 'a', null, 2);
  y.awareness.leaveAll(b);
  await shows([x, y, z], []);
  t.ok(x.awareness.states === 0 && x.awareness.remoteStates === 0);
});

test('of frequent changes only the last state is sent', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const { session } = recordingSession();
  setState(x, session, 'a', { n: 0 }, 1);
  await shows([x, y], ['a {"n":0} 1']);
  const before = net.sent.changes;
  for (let n = 1; n <= 100; n++) setState(x, session, 'a', { n }, n + 1);
  setState(x, session, 'a', { n: 100 }, 101);
  await shows([x, y], ['a {"n":100} 101']);
  t.equal(net.sent.changes, before + 1);
  t.strictSame(y.follower.heard, ['a {"n":0} 1', 'a {"n":100} 101']);
});

test('AWR7 a client that moves to another node, with its clock started again, is shown at once', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const [before, after] = [recordingSession().session, recordingSession().session];
  setState(x, before, 'a', { at: 'x' }, 50);
  await shows([x, y], ['a {"at":"x"} 50']);
  t.equal(setState(y, after, 'a', { at: 'y' }, 1), 'accepted');
  await shows([x, y], ['a {"at":"y"} 1']);
  t.strictSame(x.follower.heard, ['a {"at":"x"} 50', 'a null 50', 'a {"at":"y"} 1']);
  t.strictSame(y.follower.heard, x.follower.heard);
  // The end of the old connection removes nothing.
  x.awareness.leaveAll(before);
  setState(y, after, 'a', { at: 'y', n: 2 }, 2);
  await shows([x, y], ['a {"at":"y","n":2} 2']);
  t.equal(x.follower.heard.length, 4);
  // And back, while the other session is still open: the last one to update owns the client.
  const again = recordingSession().session;
  setState(x, again, 'a', { at: 'x again' }, 1);
  await shows([x, y], ['a {"at":"x again"} 1']);
  setState(y, after, 'a', { at: 'y again' }, 3);
  await shows([x, y], ['a {"at":"y again"} 3']);
  y.awareness.leaveAll(after);
  await shows([x, y], ['a {"at":"x again"} 1']);
});

test('AWR7 a client id that another node shows for another user is refused', async (t) => {
  const net = network(t);
  const [x, y] = [net.open('x'), net.open('y')];
  for (const { awareness, follower } of [x, y]) follower.follow(awareness, 'd');
  const [ann, eve] = [recordingSession().session, recordingSession().session];
  setState(x, ann, 'a', { real: true }, 1, { userId: 'ann' });
  await shows([y], ['a {"real":true} 1']);
  t.equal(setState(y, eve, 'a', { fake: true }, 9, { userId: 'eve' }), 'notOwner');
  t.equal(setState(y, eve, 'a', null, 9, { userId: 'eve' }), 'notOwner');
  t.strictSame(y.follower.heard, ['a {"real":true} 1']);
  // In a document that nobody here followed, it shows once the other nodes answer: the first user owns the id.
  t.equal(setState(y, eve, 'b', {}, 1, { userId: 'eve', documentId: 'e' }), 'accepted');
  // Claims are ordered by the clock.
  await nextMillisecond();
  const z = net.open('z');
  t.equal(setState(z, ann, 'b', { late: true }, 9, { userId: 'ann', documentId: 'e' }), 'accepted');
  z.follower.follow(z.awareness, 'e');
  await shows([z], ['b {} 1'], 'e');
  t.equal(setState(z, ann, 'b', { late: true }, 10, { userId: 'ann', documentId: 'e' }), 'notOwner');
  y.awareness.leaveAll(eve);
  await shows([z], ['b {"late":true} 9'], 'e');
  x.awareness.leaveAll(ann);
  await shows([y], []);
  t.equal(setState(y, eve, 'a', { mine: true }, 1, { userId: 'eve' }), 'accepted', 'the id is free');
});

test('AWR8 the clients of a dead node leave when they expire or when its death is known', async (t) => {
  const net = network(t);
  const [x, y, z] = [net.open('x'), net.open('y', { timeoutMs: 1_000 }), net.open('z', { timeoutMs: 400 })];
  for (const { awareness, follower } of [x, y, z]) follower.follow(awareness, 'd');
  const sessions = [x, y, z].map((node) => {
    const { session } = recordingSession();
    setState(node, session, node.run, {}, 1);
    return session;
  });
  await shows([x, y, z], ['x {} 1', 'y {} 1', 'z {} 1']);
  net.kill(z);
  x.awareness.forgetRuns(['z', 'unknown']);
  await shows([x], ['x {} 1', 'y {} 1']);
  t.strictSame(x.follower.heard.at(-1), 'z null 1');
  // x and y have renewed their states, although these have not changed.
  const renewing = setInterval(() => {
    setState(x, sessions[0]!, 'x', {}, 1);
    setState(y, sessions[1]!, 'y', {}, 1);
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
  await until('both to follow', () => nodes.every(({ followed }) => followed.has('d')));
  const [a, b] = [recordingSession().session, recordingSession().session];
  const renewing = setInterval(() => setState(x, b, 'b', {}, 1), 20);
  t.teardown(() => clearInterval(renewing));
  setState(x, a, 'a', {}, 1);
  setState(x, b, 'b', {}, 1);
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
  for (const documentId of ids) setState(many, session, 'm', { documentId }, 1, { documentId });
  const changes = net.sent.changes;
  setState(y, session, 'y', {}, 1);
  await until('a later message of another node', () => net.sent.changes > changes);
  t.equal(many.followed.size, 0);
  setState(y, session, 'y', null, 2);
  many.running = true;
  many.awareness.restart(0);
  await until('all to be followed', () => many.followed.size === ids.length);
  y.follower.follow(y.awareness, 'room2999');
  await shows([y], ['m {"documentId":"room2999"} 1'], 'room2999');
  setState(x, recordingSession().session, 'a', {}, 1);
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
  for (let i = 0; i < 3_000; i++) setState(x, session, `c${i}`, { i, pad: 'x'.repeat(100) }, 1);
  await until('all of them', () => y.awareness.remoteStates === 3_000);
  net.arrivals = () => 0;
  const changes = net.sent.changes;
  for (let i = 0; i < 3_000; i += 2) setState(x, session, `c${i}`, null, 2);
  await until('the changes to be sent, and lost', () => net.sent.changes > changes);
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
