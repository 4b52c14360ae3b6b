/** The rules by which a receiver notices that it missed something; their numbers are those of the class. */
import { test } from 'tap';
import { Subscriptions, type Heard } from '../../src/cluster/subscriptions.js';

function news(sequence: number, since = 0, node = 'a'): Heard {
  return { kind: 'update', node, epoch: 1, sequence, since };
}

function tail(sequence: number, since = 0, node = 'a'): Heard {
  return { kind: 'tail', node, epoch: 1, sequence, since };
}

/** Subscribed to `doc` since the time 1000. */
function subscribed(): Subscriptions {
  const subscriptions = new Subscriptions();
  subscriptions.add('doc');
  subscriptions.activate('doc', 1_000);
  return subscriptions;
}

test('what is not subscribed is never behind', (t) => {
  const subscriptions = new Subscriptions();
  t.equal(subscriptions.needsResync('doc', news(7), 1_000), false);
  t.equal(subscriptions.activate('doc', 1_000), undefined);
  t.equal(subscriptions.add('doc'), true);
  t.equal(subscriptions.add('doc'), false);
  t.equal(subscriptions.delete('doc'), true);
  t.equal(subscriptions.delete('doc'), false);
  t.end();
});

test('rule 1: nothing is judged before the subscription is active', (t) => {
  const subscriptions = new Subscriptions();
  subscriptions.add('doc');
  t.equal(subscriptions.needsResync('doc', news(7), 900), false);
  t.equal(subscriptions.needsResync('doc', news(9), 900), false);
  t.equal(subscriptions.activate('doc', 1_000), 'subscribed');
  t.equal(subscriptions.needsResync('doc', news(10), 1_100), false, 'goes on from what was noted');
  t.equal(subscriptions.needsResync('doc', news(12), 1_100), true);
  t.end();
});

test('rule 2: a jump is a gap, a repetition is not', (t) => {
  const subscriptions = subscribed();
  const judged = [
    news(1),
    news(2),
    news(2),
    news(4),
    news(3),
    news(5),
    tail(5),
    tail(4),
    tail(6),
    tail(6),
    news(7),
  ].map((message) => subscriptions.needsResync('doc', message, 2_000));
  t.same(judged, [false, false, false, true, false, false, false, false, true, false, false]);
  t.end();
});

test('rule 2 holds for each publisher by itself', (t) => {
  const subscriptions = subscribed();
  t.equal(subscriptions.needsResync('doc', news(1), 2_000), false);
  t.equal(subscriptions.needsResync('doc', news(1, 0, 'b'), 2_000), false);
  t.equal(subscriptions.needsResync('doc', { ...news(1), epoch: 2 }, 2_000), false);
  t.equal(subscriptions.needsResync('doc', news(2), 2_000), false);
  t.equal(subscriptions.needsResync('doc', news(3, 0, 'b'), 2_000), true);
  t.end();
});

test('rule 3: of an unknown publisher, only what came after the subscription can be missed', (t) => {
  const behind = (message: Heard, now: number) => subscribed().needsResync('doc', message, now);
  t.equal(behind(news(1), 5_000), false, 'the first of all');
  t.equal(behind(news(7, 500), 1_500), false, 'the one before it was published when the subscription became active');
  t.equal(behind(news(7, 499), 1_500), true);
  t.equal(behind(news(7, 10_000), 1_500), false);
  t.equal(behind(tail(7, 500), 1_500), false);
  t.equal(behind(tail(7, 499), 1_500), true);
  t.equal(behind(tail(1, 0), 1_500), true);
  t.end();
});

test('after a lost connection, what was published meanwhile is no gap', (t) => {
  const subscriptions = subscribed();
  subscriptions.needsResync('doc', news(1), 2_000);
  subscriptions.deactivate('doc');
  t.equal(subscriptions.activate('doc', 3_000), 'reconnect');
  t.equal(subscriptions.needsResync('doc', news(9, 300), 3_100), false);
  t.equal(subscriptions.needsResync('doc', news(11, 50), 3_200), true);
  t.end();
});

test('publishers that were forgotten may cost a load, but hide no gap', (t) => {
  const subscriptions = subscribed();
  for (let i = 0; i < 1_000; i++) subscriptions.needsResync('doc', news(1, 0, `node${i}`), 2_000);
  t.equal(subscriptions.needsResync('doc', news(3, 0, 'node0'), 2_000), true);
  t.equal(subscriptions.needsResync('doc', news(2, 0, 'node999'), 2_000), false);
  t.end();
});
