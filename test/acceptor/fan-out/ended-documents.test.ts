import { setImmediate } from 'node:timers/promises';
import { test } from 'tap';
import { EndedDocuments } from '../../../src/acceptor/fan-out/ended-documents.js';
import { Topics } from '../../../src/acceptor/fan-out/topics.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { recordingSession } from '../../support/parts/recording-session.js';

test('DEL1 the subscribers get one frame of each encoding, and leave, a bounded number in each turn', async (t) => {
  const topics = new Topics(10);
  const sessions = Array.from({ length: 2_500 }, (_, i) => recordingSession(i + 1).session);
  for (const session of sessions) {
    for (const id of ['d', 'other']) {
      topics.subscribe(session, id);
      topics.answered(session, id);
    }
  }
  const waiting = recordingSession(9_000).session;
  topics.subscribe(waiting, 'd');
  const published: string[] = [];
  const ended = new EndedDocuments({
    publish: (topic) => published.push(topic),
    topics,
    sessions: () => [...sessions, waiting].values(),
    metrics: new AcceptorMetrics(undefined),
  });
  ended.end('nobody');
  t.strictSame(published, []);
  ended.end('d');
  t.equal(published.length, 2, 'whatever their number');
  t.ok(topics.subscribersOf('d') > 1_000, 'not all in one turn');
  const again = sessions.at(-1)!;
  topics.unsubscribe(again, 'd');
  topics.subscribe(again, 'd');
  topics.answered(again, 'd');
  for (let i = 0; i < 5; i++) await setImmediate();
  t.strictSame(
    [topics.isJoined(again, 'd'), topics.subscribersOf('d')],
    [true, 2],
    'who came back stays, and who waits',
  );
  t.equal(topics.subscribersOf('other'), sessions.length);
});
