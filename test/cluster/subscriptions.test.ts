/** The rules by which a receiver detects lost updates, numbered as in the class. */
import { test } from 'tap';
import { Subscriptions, type SequencedMessage } from '../../src/cluster/subscriptions.js';

function update(sequence: number, since = 0, node = 'a'): SequencedMessage {
  return { kind: 'update', node, epoch: 1, sequence, since };
}

function tail(sequence: number, since = 0, node = 'a'): SequencedMessage {
  return { kind: 'tail', node, epoch: 1, sequence, since };
}

/** Subscribed to `doc` since the time 1000. */
function subscribed(): Subscriptions {
  const subscriptions = new Subscriptions();
  subscriptions.add('doc');
  subscriptions.activate('doc', 1_000);
  return subscriptions;
}

test('a document without a subscription never needs a resync', (t) => {
  const subscriptions = new Subscriptions();
  t.equal(subscriptions.needsResync('doc', update(7), 1_000), false);
  t.equal(subscriptions.activate('doc', 1_000), undefined);
  t.equal(subscriptions.add('doc'), true);
  t.equal(subscriptions.add('doc'), false);
  t.equal(subscriptions.delete('doc'), true);
  t.equal(subscriptions.delete('doc'), false);
  t.end();
});

test('rule 1: nothing is a gap before the subscription is active', (t) => {
  const subscriptions = new Subscriptions();
  subscriptions.add('doc');
  t.equal(subscriptions.needsResync('doc', update(7), 900), false);
  t.equal(subscriptions.needsResync('doc', update(9), 900), false);
  t.equal(subscriptions.activate('doc', 1_000), 'subscribed');
  t.equal(subscriptions.needsResync('doc', update(10), 1_100), false, 'goes on from what was noted');
  t.equal(subscriptions.needsResync('doc', update(12), 1_100), true);
  t.end();
});

test('rule 2: a jump is a gap, a repetition is not', (t) => {
  const subscriptions = subscribed();
  const judged = [
    update(1),
    update(2),
    update(2),
    update(4),
    update(3),
    update(5),
    tail(5),
    tail(4),
    tail(6),
    tail(6),
    update(7),
  ].map((message) => subscriptions.needsResync('doc', message, 2_000));
  t.same(judged, [false, false, false, true, false, false, false, false, true, false, false]);
  t.end();
});

test('rule 2 applies to each publisher separately', (t) => {
  const subscriptions = subscribed();
  t.equal(subscriptions.needsResync('doc', update(1), 2_000), false);
  t.equal(subscriptions.needsResync('doc', update(1, 0, 'b'), 2_000), false);
  t.equal(subscriptions.needsResync('doc', { ...update(1), epoch: 2 }, 2_000), false);
  t.equal(subscriptions.needsResync('doc', update(2), 2_000), false);
  t.equal(subscriptions.needsResync('doc', update(3, 0, 'b'), 2_000), true);
  t.end();
});

test('rule 3: of an unknown publisher, only updates after the activation can be missed', (t) => {
  const needsResync = (message: SequencedMessage, now: number) => subscribed().needsResync('doc', message, now);
  t.equal(needsResync(update(1), 5_000), false, 'the first of all');
  t.equal(
    needsResync(update(7, 500), 1_500),
    false,
    'the one before it was published when the subscription became active',
  );
  t.equal(needsResync(update(7, 499), 1_500), true);
  t.equal(needsResync(update(7, 10_000), 1_500), false);
  t.equal(needsResync(tail(7, 500), 1_500), false);
  t.equal(needsResync(tail(7, 499), 1_500), true);
  t.equal(needsResync(tail(1, 0), 1_500), true);
  t.end();
});

test('after a lost connection, what was published meanwhile is no gap', (t) => {
  const subscriptions = subscribed();
  subscriptions.needsResync('doc', update(1), 2_000);
  subscriptions.deactivate('doc');
  t.equal(subscriptions.activate('doc', 3_000), 'reconnect');
  t.equal(subscriptions.needsResync('doc', update(9, 300), 3_100), false);
  t.equal(subscriptions.needsResync('doc', update(11, 50), 3_200), true);
  t.end();
});

test('a forgotten publisher may cause an extra load, but hides no gap', (t) => {
  const subscriptions = subscribed();
  for (let i = 0; i < 1_000; i++) subscriptions.needsResync('doc', update(1, 0, `node${i}`), 2_000);
  t.equal(subscriptions.needsResync('doc', update(3, 0, 'node0'), 2_000), true);
  t.equal(subscriptions.needsResync('doc', update(2, 0, 'node999'), 2_000), false);
  t.end();
});
