import { test } from 'tap';
import { Outgoing } from '../../../src/acceptor/fan-out/outgoing.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { Sessions } from '../../../src/acceptor/session/sessions.js';
import { budgets } from '../../support/parts/budgets.js';
import { recordingSession, type RecordingSession } from '../../support/parts/recording-session.js';

const KIB = 1024;

function fixture(maxBytes: number, count: number) {
  const sessions = new Sessions(budgets());
  const made = Array.from({ length: count }, () => recordingSession());
  for (const { session } of made) sessions.add(session);
  const disconnected: Session[] = [];
  const outgoing = new Outgoing({
    ...{ sessions: [sessions], maxBytes, pumpReads: () => undefined },
    disconnect: (session) => disconnected.push(session),
  });
  outgoing.stop();
  return { sessions, made, outgoing, disconnected };
}

const wait = (bytes: number, ...made: RecordingSession[]) => made.forEach(({ socket }) => (socket.buffered = bytes));

test('what waits for all clients together is bounded: those for whom most waits are disconnected', (t) => {
  const { made, outgoing, disconnected } = fixture(1_000 * KIB, 10);
  wait(90 * KIB, ...made);
  outgoing.look(0);
  t.equal(outgoing.bytes, 900 * KIB);
  t.same(disconnected, []);
  wait(150 * KIB, made[3]!);
  wait(200 * KIB, made[7]!);
  outgoing.look(1);
  t.same(disconnected, [made[7]!.session], 'one is enough');
  t.end();
});

test('clients that take nothing are disconnected when much waits, others are not', (t) => {
  const { made, outgoing, disconnected } = fixture(1_000 * KIB, 3);
  const [stuck, reading, few] = made as [RecordingSession, RecordingSession, RecordingSession];
  wait(400 * KIB, stuck, reading);
  wait(10 * KIB, few);
  for (let now = 0; now <= 11_000; now += 1_000) {
    wait(400 * KIB - now, reading);
    outgoing.look(now);
  }
  t.same(disconnected, [stuck.session]);
  t.equal(outgoing.isCrowded, true);
  wait(0, stuck);
  outgoing.look(12_000);
  t.equal(outgoing.isCrowded, false);
  t.end();
});

test('all groups of sessions are looked at, many in several portions', (t) => {
  const groups = [2_500, 10].map((count) => {
    const sessions = new Sessions(budgets());
    const made = Array.from({ length: count }, () => recordingSession());
    for (const { session } of made) sessions.add(session);
    wait(KIB, ...made);
    return sessions;
  });
  const rest = { maxBytes: 1_000_000 * KIB, pumpReads: () => undefined, disconnect: () => undefined };
  const outgoing = new Outgoing({ sessions: groups, ...rest });
  outgoing.stop();
  outgoing.look(0);
  t.equal(outgoing.bytes, 2_000 * KIB);
  outgoing.look(1);
  t.equal(outgoing.bytes, 2_510 * KIB);
  outgoing.look(2);
  outgoing.look(3);
  t.equal(outgoing.bytes, 2_510 * KIB, 'each is counted once');
  t.end();
});
