import { test, type Test } from 'tap';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { Awareness, type AwarenessOptions } from '../../../src/acceptor/awareness/awareness.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { decodeFrame } from '../../support/clients/client.js';
import { statesTold } from '../../support/clients/awareness-follower.js';
import { recordingSession } from '../../support/parts/recording-session.js';

/** Awareness, and what it published: `<topic> <client> <state> <clock>`. */
interface Fixture {
  readonly awareness: Awareness;
  readonly relayed: string[];
  /** Updates the state of a client as a user; null removes it. */
  readonly say: (
    session: Session,
    clientId: string,
    state: string | null,
    clock: number,
    more?: { userId?: string; documentId?: string },
  ) => string;
  /** The states that a new subscriber of the document gets, as `<client> <state> <clock>`. */
  readonly states: (documentId?: string) => string[];
}

function fixture(t: Test, options: Partial<AwarenessOptions> = {}): Fixture {
  const relayed: string[] = [];
  const awareness = new Awareness({
    metrics: new AcceptorMetrics(undefined),
    meter: new SessionMeter(new AcceptorMetrics(undefined)),
    publish: (topic, frame, isBinary) => {
      const { type, clientId, state, clock, documentId } = decodeFrame(Buffer.from(frame), isBinary);
      t.equal(type, 'awareness_update');
      t.ok(topic.endsWith(`:${String(documentId)}`));
      relayed.push([topic, clientId, JSON.stringify(state), clock].join(' '));
    },
    timeoutMs: 1_000_000,
    maxClientIds: 10,
    maxBytes: 1_000_000,
    maxSessionBytes: 1_000_000,
    maxDocuments: 10,
    ...options,
  });
  t.teardown(() => awareness.stop());
  return {
    awareness,
    relayed,
    say: (session, clientId, state, clock, { userId = 'u', documentId = 'd' } = {}) =>
      awareness.update(session, userId, { documentId, clientId, state: state ?? undefined, clock }),
    states: (documentId = 'd') => {
      const { session } = recordingSession();
      const states = statesTold(awareness, session, documentId) as {
        clientId: string;
        state: unknown;
        clock: number;
      }[];
      awareness.leaveAll(session);
      return states.map(({ clientId, state, clock }) => `${clientId} ${JSON.stringify(state)} ${clock}`);
    },
  };
}

function subscriber(awareness: Awareness, encoding: 'binary' | 'json' = 'binary'): ReturnType<typeof recordingSession> {
  const recording = recordingSession();
  recording.session.encoding = encoding;
  awareness.subscribe(recording.session, 'd');
  return recording;
}

test('AWR1 a state is published once per encoding that has subscribers', (t) => {
  const { awareness, relayed, say } = fixture(t);
  const speaker = recordingSession();
  t.equal(say(speaker.session, 'a', '{"x":1}', 1), 'accepted');
  t.strictSame(relayed, [], 'nobody listens');
  for (let i = 0; i < 3; i++) t.strictSame(subscriber(awareness).topics(), ['ab:d']);
  say(speaker.session, 'a', '{"x":2}', 2);
  t.strictSame(subscriber(awareness, 'json').topics(), ['aj:d']);
  say(speaker.session, 'a', '{"x":3}', 3);
  t.strictSame(relayed, ['ab:d a {"x":2} 2', 'ab:d a {"x":3} 3', 'aj:d a {"x":3} 3']);
  t.end();
});

test('AWR1 the state with the largest clock counts', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const { session } = subscriber(awareness);
  say(session, 'a', '{"x":2}', 2);
  t.equal(say(session, 'a', '{"x":1}', 1), 'accepted');
  t.equal(say(session, 'a', '{"x":9}', 2), 'accepted');
  t.strictSame(states(), ['a {"x":2} 2']);
  t.strictSame(relayed, ['ab:d a {"x":2} 2']);
  t.end();
});

test('AWR1 a client leaves with a null state; its clock never goes back', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const { session } = subscriber(awareness);
  say(session, 'a', null, 1);
  t.strictSame(relayed, [], 'who was never there does not leave');
  say(session, 'a', '{}', 5);
  say(session, 'a', null, 3);
  t.strictSame(relayed, ['ab:d a {} 5', 'ab:d a null 5']);
  t.strictSame(states(), []);
  t.end();
});

test('a subscriber gets the present states, with client ids escaped', (t) => {
  const { awareness, say, states } = fixture(t);
  const { session } = subscriber(awareness);
  say(session, '"\n__proto__', '{"x":"\\u0000"}', 1);
  say(session, 'b', '{}', 2);
  say(session, 'elsewhere', '{}', 2, { documentId: 'e' });
  t.strictSame(states(), ['"\n__proto__ {"x":"\\u0000"} 1', 'b {} 2']);
  t.strictSame(states('nobody'), []);
  t.end();
});

test('AWR2 a client id of a live session of another user is refused', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const mine = subscriber(awareness);
  const other = recordingSession();
  say(mine.session, 'a', '{"x":1}', 1);
  t.equal(say(other.session, 'a', '{"x":2}', 2, { userId: 'other' }), 'notOwner');
  t.equal(say(other.session, 'a', null, 2, { userId: 'other' }), 'notOwner');
  t.equal(say(other.session, 'a', '{}', 2, { userId: 'other', documentId: 'e' }), 'accepted', 'in that document');
  t.strictSame(states(), ['a {"x":1} 1']);
  t.equal(relayed.length, 1);
  awareness.leaveAll(mine.session);
  t.equal(say(other.session, 'a', '{"x":2}', 2, { userId: 'other' }), 'accepted', 'the id is free again');
  t.end();
});

test('AWR2 whoever had a client id first has it again when he comes back', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const [owner, other, again] = [recordingSession(), recordingSession(), recordingSession()];
  say(owner.session, 'a', '{"x":1}', 5);
  awareness.leaveAll(owner.session);
  subscriber(awareness);
  t.equal(say(other.session, 'a', '{"x":2}', 9, { userId: 'other' }), 'accepted');
  t.equal(say(again.session, 'a', '{"x":3}', 1), 'accepted');
  t.strictSame(states(), ['a {"x":3} 1']);
  t.strictSame(relayed, ['ab:d a {"x":2} 9', 'ab:d a null 9', 'ab:d a {"x":3} 1']);
  t.equal(say(other.session, 'a', '{"x":4}', 10, { userId: 'other' }), 'notOwner');
  t.equal(say(other.session, 'a', null, 10, { userId: 'other' }), 'notOwner');
  awareness.leaveAll(other.session);
  t.strictSame(states(), ['a {"x":3} 1']);
  t.equal(awareness.clients, 1);
  t.end();
});

test('AWR2 a client id moves to a new session of the same user, and stays when the old one closes', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  subscriber(awareness);
  const before = recordingSession();
  const after = recordingSession();
  say(before.session, 'a', '{"x":1}', 5);
  t.equal(say(after.session, 'a', '{"x":2}', 6), 'accepted');
  awareness.leaveAll(before.session);
  t.strictSame(states(), ['a {"x":2} 6']);
  t.strictSame(relayed, ['ab:d a {"x":1} 5', 'ab:d a {"x":2} 6']);
  t.equal(awareness.clients, 1);
  t.strictSame([before.session.awareness?.clientIds.size, after.session.awareness?.clientIds.size], [0, 1]);
  t.end();
});

test('AWR2 the state of a reconnected client counts although its clock started again', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  subscriber(awareness);
  say(recordingSession().session, 'a', '{"x":1}', 5);
  say(recordingSession().session, 'a', '{"x":2}', 1);
  t.strictSame(states(), ['a {"x":2} 1']);
  t.strictSame(
    relayed.slice(1),
    ['ab:d a null 5', 'ab:d a {"x":2} 1'],
    'those who saw the old one are told that it left',
  );
  t.end();
});

test('AWR3 the clients of a session leave when it closes, in all documents', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const listener = subscriber(awareness);
  const leaver = subscriber(awareness);
  say(leaver.session, 'a', '{}', 1);
  say(leaver.session, 'b', '{}', 2);
  say(leaver.session, 'a', '{}', 7, { documentId: 'e' });
  say(listener.session, 'c', '{}', 3);
  relayed.length = 0;
  awareness.leaveAll(leaver.session);
  t.strictSame(relayed.sort(), ['ab:d a null 1', 'ab:d b null 2']);
  t.strictSame(states(), ['c {} 3']);
  t.strictSame(states('e'), []);
  t.equal(awareness.clients, 1);
  awareness.leaveAll(leaver.session);
  t.end();
});

test('AWR4 a state that is not renewed is removed; renewing needs no new clock', (t) => {
  const { awareness, relayed, say, states } = fixture(t, { timeoutMs: 60_000 });
  const { session } = subscriber(awareness);
  say(session, 'a', '{}', 1);
  say(session, 'b', '{}', 1);
  say(session, 'a', '{}', 1);
  const later = performance.now() + 30_000;
  awareness.expire(later);
  t.strictSame(states(), ['a {} 1', 'b {} 1']);
  awareness.expire(later + 60_000);
  t.strictSame(states(), []);
  t.strictSame(relayed.slice(2), ['ab:d b null 1', 'ab:d a null 1'], 'the one not seen for longest first');
  say(session, 'a', '{}', 1);
  t.strictSame(states(), ['a {} 1'], 'it may come back');
  t.end();
});

test('AWR4 expired states are removed by a timer', async (t) => {
  const { awareness, say, states } = fixture(t, { timeoutMs: 1 });
  say(recordingSession().session, 'a', '{}', 1);
  while (states().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(awareness.clients, 1);
});

test('LIM4 client ids, states and subscriptions of a session are bounded', (t) => {
  const { awareness, say } = fixture(t, { maxClientIds: 2, maxDocuments: 3 });
  const { session } = recordingSession();
  t.strictSame(
    ['a', 'b', 'c', 'a'].map((id) => say(session, id, '{}', 1)),
    ['accepted', 'accepted', 'overLimit', 'accepted'],
  );
  t.equal(say(session, 'a', '{}', 1, { documentId: 'e' }), 'accepted');
  t.equal(say(session, 'b', '{}', 1, { documentId: 'e' }), 'overLimit');
  const listener = recordingSession().session;
  t.strictSame(
    ['1', '2', '3', '4', '1'].map((id) => awareness.subscribe(listener, id)),
    [true, true, true, false, true],
  );
  t.end();
});

test('LIM4 the memory of all states is bounded, and removed states free it', (t) => {
  const { awareness, say, states } = fixture(t, { maxBytes: 4_000 });
  const sessions = Array.from({ length: 3 }, () => recordingSession().session);
  const large = JSON.stringify('x'.repeat(600));
  t.strictSame(
    sessions.map((session, i) => say(session, `c${i}`, large, 1)),
    ['accepted', 'accepted', 'overLimit'],
  );
  t.equal(say(sessions[0]!, 'c0', JSON.stringify('x'.repeat(1_500)), 2), 'overLimit', 'nor may one grow');
  t.equal(say(sessions[0]!, 'c0', '1', 2), 'accepted', 'it may shrink');
  t.equal(say(sessions[2]!, 'c2', large, 1), 'accepted');
  t.equal(states().length, 3);
  for (let round = 0; round < 20; round++) {
    for (const session of sessions) awareness.leaveAll(session);
    const [a, b] = sessions;
    t.strictSame(
      [say(a!, 'c0', large, 1), say(b!, 'c0', large, 1), say(b!, 'c1', large, 1)],
      Array(3).fill('accepted'),
    );
  }
  t.end();
});

test('CON1 a session that switches to JSON gets awareness as JSON', (t) => {
  const { awareness, relayed, say } = fixture(t);
  const { session, topics } = subscriber(awareness);
  session.encoding = 'json';
  awareness.switchEncoding(session);
  awareness.switchEncoding(session);
  t.strictSame(topics(), ['aj:d']);
  say(session, 'a', '{}', 1);
  t.strictSame(relayed, ['aj:d a {} 1']);
  t.end();
});

test('AUT6 states of a session under another user, or in documents that it may no longer read, are removed', (t) => {
  const { awareness, relayed, say, states } = fixture(t);
  const { session, topics } = subscriber(awareness);
  awareness.subscribe(session, 'e');
  say(session, 'a', '{}', 1);
  say(session, 'a', '{}', 1, { documentId: 'e' });
  awareness.restrict(session, 'u', (documentId) => documentId === 'd');
  t.strictSame(topics(), ['ab:d']);
  t.strictSame([states('d'), states('e')], [['a {} 1'], []]);
  relayed.length = 0;
  awareness.restrict(session, 'v', () => true);
  t.strictSame(relayed, ['ab:d a null 1']);
  t.strictSame([states(), awareness.clients], [[], 0]);
  t.end();
});
