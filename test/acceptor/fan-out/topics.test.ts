import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { topicOf } from '../../../src/acceptor/fan-out/topic-names.js';
import { Topics } from '../../../src/acceptor/fan-out/topics.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { variants } from '../../../src/messages/task.js';
import { holdsAsync } from '../../support/values/property.js';
import { recordingSession } from '../../support/parts/recording-session.js';

const { binaryDelta, binaryBatch, jsonDelta, jsonBatch, binaryAny, jsonAny } = variants;

/** A fence that the test resolves. */
function gate(): { fence: () => Promise<void>; open: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  return {
    fence: () => new Promise((resolve) => waiting.push(resolve)),
    open: async () => {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Subscribes a session that is answered at once. */
function subscribe(topics: Topics, session: Session, documentId: string): boolean {
  const isSubscribed = topics.subscribe(session, documentId);
  topics.answered(session, documentId);
  return isSubscribed;
}

test('FAN1 a session is subscribed in the variant that it understands', (t) => {
  const topics = new Topics(10);
  const cases = [
    ['binary', false, 'b:d', binaryDelta, 'x:d', binaryAny],
    ['binary', true, 'B:d', binaryBatch, 'x:d', binaryAny],
    ['json', false, 'j:d', jsonDelta, 'X:d', jsonAny],
    ['json', true, 'J:d', jsonBatch, 'X:d', jsonAny],
  ] as const;
  let all = 0;
  for (const [encoding, supportsBatch, topic, variant, anyTopic, any] of cases) {
    const { session, topics: held } = recordingSession();
    session.encoding = encoding;
    session.supportsBatch = supportsBatch;
    subscribe(topics, session, 'd');
    t.strictSame(held(), [topic, anyTopic].sort());
    t.strictSame([topicOf('d', variant), topicOf('d', any)], [topic, anyTopic]);
    all |= variant | any;
    t.equal(topics.variantsOf('d'), all);
  }
  t.strictSame(topics.summary(10), [{ id: 'd', subscribers: 4, lastModified: 0 }]);
  t.end();
});

test('a session is the only subscriber of a document until another comes', (t) => {
  const topics = new Topics(10);
  const [{ session: first }, { session: second }] = [recordingSession(), recordingSession()];
  t.notOk(topics.isOnlySubscriber(first, 'd'), 'there is none');
  subscribe(topics, first, 'd');
  t.ok(topics.isOnlySubscriber(first, 'd'));
  t.notOk(topics.isOnlySubscriber(second, 'd'), 'it is another');
  t.notOk(topics.isOnlySubscriber(undefined, 'd'), 'it is gone');
  subscribe(topics, second, 'd');
  t.notOk(topics.isOnlySubscriber(first, 'd'));
  topics.leaveAll(first);
  t.ok(topics.isOnlySubscriber(second, 'd'));
  t.end();
});

test('SUB3 subscribing twice is the same as once', (t) => {
  const topics = new Topics(10);
  const { session, topics: held } = recordingSession();
  t.ok(subscribe(topics, session, 'd'));
  t.ok(subscribe(topics, session, 'd'));
  t.strictSame(topics.summary(10), [{ id: 'd', subscribers: 1, lastModified: 0 }]);
  topics.unsubscribe(session, 'd');
  topics.unsubscribe(session, 'd');
  t.strictSame(held(), []);
  t.equal(topics.size, 0);
  t.equal(topics.variantsOf('d'), 0);
  t.end();
});

test('SUB2 a session that asks receives nothing before it is answered, but the shard is told of it', (t) => {
  const topics = new Topics(10);
  const { session, topics: held } = recordingSession();
  topics.answered(session, 'd');
  topics.subscribe(session, 'd');
  t.strictSame([held(), topics.variantsOf('d'), topics.isJoined(session, 'd')], [[], binaryDelta | binaryAny, false]);
  session.supportsBatch = true;
  topics.switchVariant(session, async () => Promise.resolve());
  t.strictSame(held(), []);
  topics.answered(session, 'd');
  t.strictSame([held(), topics.isJoined(session, 'd')], [['B:d', 'b:d', 'x:d'], true]);
  topics.unsubscribe(session, 'd');
  topics.answered(session, 'd');
  t.strictSame([held(), topics.size], [[], 0], 'it was answered after it had unsubscribed');
  t.end();
});

test('SUB2, SUB4: a session that only writes is a partial subscriber until it is answered', (t) => {
  const topics = new Topics(10);
  const { session, topics: held } = recordingSession();
  const { partialBinaryDelta } = variants;
  topics.subscribePartially(session, 'd');
  t.strictSame([held(), topics.variantsOf('d')], [['pb:d', 'x:d'], partialBinaryDelta | binaryAny]);
  t.ok(topics.isOnlySubscriber(session, 'd'));
  topics.subscribe(session, 'd');
  t.strictSame(held(), ['pb:d', 'x:d']);
  t.equal(topics.variantsOf('d'), partialBinaryDelta | binaryDelta | binaryAny);
  topics.refused(session, 'd');
  t.strictSame([held(), topics.variantsOf('d')], [['pb:d', 'x:d'], partialBinaryDelta | binaryAny]);
  topics.subscribe(session, 'd');
  topics.answered(session, 'd');
  t.strictSame([held(), topics.variantsOf('d')], [['b:d', 'x:d'], binaryDelta | binaryAny]);
  topics.subscribePartially(session, 'd');
  t.strictSame(held(), ['b:d', 'x:d'], 'it has everything, whatever it writes');
  t.end();
});

test('SUB5 a session whose request is refused is not subscribed', (t) => {
  const topics = new Topics(10);
  const { session, topics: held } = recordingSession();
  topics.subscribe(session, 'd');
  topics.refused(session, 'd');
  t.strictSame([held(), topics.size, session.subscriptions.size], [[], 0, 0]);
  subscribe(topics, session, 'd');
  topics.subscribe(session, 'd');
  topics.refused(session, 'd');
  t.strictSame(held(), ['b:d', 'x:d'], 'it was before');
  t.end();
});

test('LIM4 subscriptions of a session are bounded', (t) => {
  const topics = new Topics(2);
  const { session } = recordingSession();
  const other = recordingSession();
  t.strictSame(
    ['a', 'b', 'c', 'a'].map((id) => subscribe(topics, session, id)),
    [true, true, false, true],
  );
  t.ok(subscribe(topics, other.session, 'c'), 'each has its own bound');
  topics.unsubscribe(session, 'a');
  t.ok(subscribe(topics, session, 'c'));
  t.end();
});

test('FAN4 a closed session is not counted any more, the others are', (t) => {
  const topics = new Topics(10);
  const gone = recordingSession();
  const stays = recordingSession();
  for (const id of ['a', 'b']) subscribe(topics, gone.session, id);
  subscribe(topics, stays.session, 'b');
  gone.session.become({ kind: 'closed' });
  topics.leaveAll(gone.session);
  t.equal(topics.variantsOf('a'), 0);
  t.equal(topics.variantsOf('b'), binaryDelta | binaryAny);
  t.strictSame(topics.summary(10), [{ id: 'b', subscribers: 1, lastModified: 0 }]);
  t.strictSame(stays.topics(), ['b:b', 'x:b']);
  t.end();
});

test('a session that changes its variant stays in both until the fence resolves', async (t) => {
  const topics = new Topics(10);
  const { fence, open } = gate();
  const { session, topics: held } = recordingSession();
  subscribe(topics, session, 'd');
  session.supportsBatch = true;
  topics.switchVariant(session, fence);
  t.strictSame(held(), ['B:d', 'b:d', 'x:d'], 'what all get comes once');
  t.equal(topics.variantsOf('d'), binaryDelta | binaryBatch | binaryAny);
  subscribe(topics, session, 'e');
  await open();
  t.strictSame(held(), ['B:d', 'B:e', 'x:d', 'x:e']);
  t.equal(topics.variantsOf('d'), binaryBatch | binaryAny);
  t.strictSame(topics.summary(1), [{ id: 'd', subscribers: 1, lastModified: 0 }], 'it was one subscriber all the time');
});

test('a session that changes its variant twice ends up in the last', async (t) => {
  const topics = new Topics(10);
  const { fence, open } = gate();
  const { session, topics: held } = recordingSession();
  subscribe(topics, session, 'd');
  session.supportsBatch = true;
  topics.switchVariant(session, fence);
  session.encoding = 'json';
  topics.switchVariant(session, fence);
  t.strictSame(held(), ['B:d', 'J:d', 'X:d', 'b:d', 'x:d']);
  await open();
  t.strictSame(held(), ['J:d', 'X:d']);
  t.equal(topics.variantsOf('d'), jsonBatch | jsonAny);
});

test('a session that closes or unsubscribes while it changes its variant leaves nothing behind', async (t) => {
  const topics = new Topics(10);
  const { fence, open } = gate();
  const closes = recordingSession();
  const unsubscribes = recordingSession();
  for (const { session } of [closes, unsubscribes]) {
    subscribe(topics, session, 'd');
    session.supportsBatch = true;
    topics.switchVariant(session, fence);
  }
  closes.session.become({ kind: 'closed' });
  topics.leaveAll(closes.session);
  topics.unsubscribe(unsubscribes.session, 'd');
  t.equal(topics.size, 0);
  await open();
  t.equal(topics.size, 0);
  t.equal(topics.variantsOf('d'), 0);
  t.strictSame(unsubscribes.topics(), []);
});

test('the list of documents is bounded and has the time of the last change', (t) => {
  const topics = new Topics(10);
  const { session } = recordingSession();
  for (const id of ['a', 'b', 'c']) subscribe(topics, session, id);
  topics.touch('b', 5);
  topics.touch('nobody', 5);
  t.strictSame(
    topics.summary(2).map(({ id, lastModified }) => [id, lastModified]),
    [
      ['a', 0],
      ['b', 5],
    ],
  );
  t.equal(topics.size, 3);
  t.end();
});

test('whatever sessions do, the variants requested of the shards are those with sockets', async (t) => {
  const steps = fc.record({
    kind: fc.constantFrom(
      'subscribe',
      'subscribe',
      'write',
      'write',
      'unsubscribe',
      'supportsBatch',
      'json',
      'close',
      'open',
    ),
    who: fc.nat(2),
    documentId: fc.constantFrom('a', 'b'),
  });
  await holdsAsync(
    t,
    fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async (script) => {
      const topics = new Topics(10);
      const { fence, open } = gate();
      const sessions = [0, 1, 2].map(recordingSession);
      for (const { kind, who, documentId } of [...script, { kind: 'open', who: 0, documentId: '' }]) {
        const { session } = sessions[who]!;
        if (kind === 'open') await open();
        else if (!session.isOpen) continue;
        else if (kind === 'subscribe') subscribe(topics, session, documentId);
        else if (kind === 'write') topics.subscribePartially(session, documentId);
        else if (kind === 'unsubscribe') topics.unsubscribe(session, documentId);
        else if (kind === 'close') {
          session.become({ kind: 'closed' });
          topics.leaveAll(session);
        } else {
          if (kind === 'supportsBatch') session.supportsBatch = true;
          else session.encoding = 'json';
          topics.switchVariant(session, fence);
        }
        const alive = sessions.filter((other) => other.session.isOpen);
        for (const id of ['a', 'b']) {
          const held = new Set(alive.flatMap((other) => other.topics()));
          let expected = 0;
          for (const variant of Object.values(variants)) if (held.has(topicOf(id, variant))) expected |= variant;
          assert.equal(topics.variantsOf(id), expected);
          const subscribers = alive.filter((other) => other.session.subscriptions.has(id)).length;
          assert.equal(topics.summary(2).find((entry) => entry.id === id)?.subscribers ?? 0, subscribers);
        }
      }
      // At rest each session is in the two variants that it wants.
      for (const { session, topics: held } of sessions) {
        if (session.isOpen) assert.equal(held().length, 2 * session.subscriptions.size);
      }
    }),
    200,
  );
});
