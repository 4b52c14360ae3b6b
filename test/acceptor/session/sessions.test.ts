import { test } from 'tap';
import { Session } from '../../../src/acceptor/session/session.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { Sessions } from '../../../src/acceptor/session/sessions.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { budgets } from '../../support/parts/budgets.js';

const limits = budgets({ maxUserMessagesPerMinute: 60 });
const meter = new SessionMeter(new AcceptorMetrics(undefined));
let numbers = 0;

function enter(sessions: Sessions, userId: string, address: string, isShared: boolean): Session {
  const session = new Session(++numbers, address, { budgets: limits, meter });
  sessions.add(session);
  sessions.setUser(session, userId, isShared);
  return session;
}

test('a user has one budget wherever he comes from', (t) => {
  const sessions = new Sessions(limits);
  const [a, b] = ['192.0.2.1', '192.0.2.2'].map((address) => enter(sessions, 'ann', address, false));
  t.ok(a?.userBudget !== undefined && a.userBudget === b?.userBudget);
  t.equal(sessions.users, 1);
  t.end();
});

test('those without a user have one budget per address, which does not begin anew', (t) => {
  const sessions = new Sessions(limits);
  const enterFrom = (address: string) => enter(sessions, 'anonymous', address, true);
  const first = enterFrom('192.0.2.1');
  const budget = first.userBudget;
  t.ok(budget);
  t.equal(enterFrom('192.0.2.1').userBudget, budget);
  t.not(enterFrom('192.0.2.2').userBudget, budget);
  t.equal(enterFrom('127.0.0.1').userBudget, undefined, 'a proxy may stand behind an address of this host');
  t.equal(first.userId, 'anonymous', 'what belongs to a user does not depend on addresses');
  const [one, other] = ['1:2:3:4:5:6:7:8', '1:2:3:4:0:0:0:1'].map(enterFrom);
  t.ok(one?.userBudget !== undefined && one.userBudget === other?.userBudget, 'a /64 is one client');
  budget?.messages.charge(performance.now(), 60);
  for (const session of sessions.all()) sessions.remove(session);
  t.equal(sessions.users, 0);
  t.equal(enterFrom('192.0.2.1').userBudget, budget);
  t.end();
});
