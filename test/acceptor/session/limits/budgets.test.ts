import { test } from 'tap';
import { Sessions } from '../../../../src/acceptor/session/sessions.js';
import { budgets, freeGate } from '../../../support/parts/budgets.js';
import { ReadGate } from '../../../../src/acceptor/session/limits/read-gate.js';
import { recordingSession } from '../../../support/parts/recording-session.js';

const DAY_MS = 86_400_000;

test('a budget in use stays, one that is as good as new is forgotten', (t) => {
  const { session } = recordingSession(60);
  const { budget } = session;
  t.equal(session.budget, budget);
  budget.messages.charge(0, 120);
  session.rest(1);
  t.equal(session.budget, budget);
  t.equal(session.budget.messages.waitMs(1), 60_999);
  session.rest(DAY_MS);
  t.not(session.budget, budget);
  t.equal(session.budget.messages.waitMs(DAY_MS, 60), 0);
  t.equal(session.budget.messages.waitMs(DAY_MS, 61), 1_000);
  t.end();
});

test('each part of a budget keeps it', (t) => {
  const limits = budgets({
    maxMessagesPerMinute: 1,
    maxReceivedBytesPerSecond: 1,
    maxRefusalsPerMinute: 1,
    maxReadBytesPerSecond: 1,
    maxAwarenessBytesPerSecond: 1,
    maxFanOutBytesPerSecond: 1,
    maxUserMessagesPerMinute: 1,
    maxUserReceivedBytesPerSecond: 1,
    maxUserReadBytesPerSecond: 1,
    maxUserDocumentsPerHour: 1,
  });
  for (const name of ['messages', 'received', 'refusals', 'reads', 'awareness', 'fanOut'] as const) {
    const budget = limits.ofSession();
    t.ok(budget.isUnused(0));
    budget[name].charge(0, 1);
    t.notOk(budget.isUnused(0), name);
    t.ok(budget.isUnused(DAY_MS), name);
  }
  for (const name of ['messages', 'received', 'reads', 'fanOut', 'documents'] as const) {
    const budget = limits.ofUser();
    t.ok(budget.isUnused(0));
    budget[name].charge(0, 1);
    t.notOk(budget.isUnused(0), `of a user: ${name}`);
    t.ok(budget.isUnused(DAY_MS), `of a user: ${name}`);
  }
  t.end();
});

test('while a read is not answered, or others share it, a budget stays', (t) => {
  const sessions = new Sessions(budgets({ maxUserMessagesPerMinute: 60 }));
  const [one, two] = [recordingSession(60).session, recordingSession(60).session];
  sessions.setUser(one, 'ann', false);
  const { budget, userBudget } = one;
  one.reads = new ReadGate(freeGate(() => 1));
  one.rest(DAY_MS);
  t.equal(one.budget, budget);
  t.equal(one.userBudget, userBudget);
  one.reads = undefined;
  sessions.setUser(two, 'ann', false);
  one.rest(DAY_MS);
  t.not(one.budget, budget);
  t.equal(one.userBudget, userBudget);
  sessions.remove(two);
  t.end();
});
