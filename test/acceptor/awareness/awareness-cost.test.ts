import { test, type Test } from 'tap';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { Awareness, type AwarenessOptions } from '../../../src/acceptor/awareness/awareness.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { shownBy } from '../../support/clients/awareness-follower.js';
import { recordingSession } from '../../support/parts/recording-session.js';

function fixture(t: Test, options: Partial<AwarenessOptions> = {}) {
  const metrics = new AcceptorMetrics(undefined);
  const awareness = new Awareness({
    ...{ metrics, meter: new SessionMeter(metrics), publish: () => undefined, timeoutMs: 1_000_000 },
    ...{ maxClientIds: 10, maxDocuments: 10, maxBytes: 1_000_000, maxSessionBytes: 1_000_000 },
    ...options,
  });
  t.teardown(() => awareness.stop());
  return {
    awareness,
    say: (session: Session, clientId: string, state: string | null, clock: number) =>
      awareness.update(session, 'u', { documentId: 'd', clientId, state: state ?? undefined, clock }),
    states: () => shownBy(awareness, 'd'),
  };
}

test('the states of a document are encoded once for all who subscribe before one changes', (t) => {
  const { awareness, say, states } = fixture(t);
  const { session } = recordingSession();
  say(session, 'a', '{"n":1}', 1);
  const frame = awareness.stateFrame(session, 'd');
  t.equal(awareness.stateFrame(recordingSession().session, 'd'), frame);
  say(session, 'a', '{"n":2}', 2);
  t.not(awareness.stateFrame(session, 'd'), frame);
  t.strictSame(states(), ['a {"n":2} 2']);
  say(session, 'a', null, 3);
  t.strictSame(states(), []);
  t.end();
});

test('LIM4 the memory of the states of one session is bounded', (t) => {
  const { say } = fixture(t, { maxSessionBytes: 2_500 });
  const [greedy, other] = [recordingSession().session, recordingSession().session];
  const large = JSON.stringify('x'.repeat(600));
  t.equal(say(greedy, 'a', large, 1), 'accepted');
  t.equal(say(greedy, 'b', large, 1), 'overLimit');
  t.equal(say(greedy, 'a', JSON.stringify('x'.repeat(1_500)), 2), 'overLimit');
  t.equal(say(other, 'c', large, 1), 'accepted');
  say(greedy, 'a', null, 3);
  t.equal(say(greedy, 'b', large, 1), 'accepted');
  t.end();
});
