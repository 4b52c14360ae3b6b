import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import type { WebSocket } from 'uWebSockets.js';
import type { Session, SocketData } from '../../../src/acceptor/session/session.js';
import { CROWDED_MS, Unauthenticated } from '../../../src/acceptor/session/unauthenticated.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { recordingSession } from '../../support/parts/recording-session.js';
import { until } from '../../support/nodes/server.js';

const MIB = 1024 * 1024;

/** Room for the messages of two connections that are open, and of two that are ending. */
function fixture(t: Test, maxUnauthenticatedConnections: number) {
  const unauthenticated = new Unauthenticated({
    config: {
      maxUnauthenticatedConnections,
      maxUnauthenticatedBytes: 16 * MIB,
      maxPayloadBytes: 4 * MIB,
      idleTimeoutSeconds: 60,
    },
    metrics: new AcceptorMetrics(undefined),
  });
  t.teardown(() => unauthenticated.stop());
  const ends: string[] = [];
  const add = (name: string): Session => {
    const { session } = recordingSession();
    const socket = {
      end: (code: number) => ends.push(`${name} ${code}`),
      close: () => ends.push(`${name} closed`),
    };
    session.open(socket as unknown as WebSocket<SocketData>, { kind: 'draining' });
    unauthenticated.add(session);
    return session;
  };
  return { unauthenticated, ends, add };
}

test('the one that has been unauthenticated for longest makes room; no more are ending than may hold a message', (t) => {
  const { add, ends, unauthenticated } = fixture(t, 2);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) add(name);
  t.same(ends, ['a 1008', 'b 1008', 'c closed', 'd closed']);
  t.equal(unauthenticated.size, 2);
  t.end();
});

test('who has sent nothing that is kept is always told why he is disconnected', (t) => {
  const { add, ends } = fixture(t, 10);
  for (let i = 0; i < 5; i++) add(`s${i}`).end(1008, 'because');
  t.same(ends, ['s0 1008', 's1 1008', 's2 1008', 's3 1008', 's4 1008']);
  t.end();
});

test('of more than may hold a message, those that take long are closed; who is authenticated stays', async (t) => {
  const { add, ends, unauthenticated } = fixture(t, 10);
  const sessions = ['a', 'b', 'c', 'd', 'e'].map(add);
  unauthenticated.remove(sessions[0]!);
  await until('those beyond two to be closed', () => ends.length === 2);
  await sleep(CROWDED_MS / 2);
  t.same(ends, ['b closed', 'c closed']);
  t.equal(unauthenticated.size, 2);
});
