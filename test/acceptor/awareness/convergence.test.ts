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
import { shownBy } from '../../support/clients/awareness-follower.js';
import { network, setState, shows, type AwarenessNode } from '../../support/nodes/awareness-nodes.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { recordingSession } from '../../support/parts/recording-session.js';
import { until } from '../../support/nodes/server.js';

const seeds = seedsToPlay([3], 60);

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
      if (setState(node, session, clientId, state, clock, { userId }) === 'accepted') clients.set(clientId, clock);
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
