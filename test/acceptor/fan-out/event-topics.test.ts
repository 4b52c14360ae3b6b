import { setImmediate } from 'node:timers/promises';
import { test } from 'tap';
import { EventTopics, type EventReader } from '../../../src/acceptor/fan-out/event-topics.js';
import { variants } from '../../../src/messages/task.js';

class Reader implements EventReader {
  readonly got: string[] = [];
  constructor(readonly session: number) {}
  publish(frame: Uint8Array, resumeId: string | undefined): void {
    this.got.push(`${Buffer.from(frame).toString()} ${resumeId}`);
  }
}

test('readers get what is published after they joined, in order, a bounded number in each turn', async (t) => {
  const topics = new EventTopics();
  const readers = Array.from({ length: 450 }, (_, i) => new Reader(i + 1));
  for (const reader of readers) topics.join('e:d', reader);
  const publish = (id: string, except = 0) => {
    topics.publish('e:d', variants.jsonEvents, Buffer.from(`{"id":"${id}"}`), except);
  };
  publish('1');
  publish('2', 7);
  const late = new Reader(1_000);
  topics.join('e:d', late);
  publish('3');
  t.ok(
    readers.every(({ got }) => got.length === 0),
    'nothing is written while it is published',
  );
  t.ok(topics.queuedBytes > 0);
  await setImmediate();
  t.ok(
    readers.some(({ got }) => got.length === 0),
    'not all in one turn',
  );
  for (let i = 0; i < 20 && topics.queuedBytes > 0; i++) await setImmediate();
  const all = ['{"id":"1"} 1', '{"id":"2"} 2', '{"id":"3"} 3'];
  for (const { session, got } of readers) t.same(got, session === 7 ? [all[0], all[2]] : all);
  t.same(late.got, [all[2]]);
  t.equal(topics.queuedBytes, 0);

  topics.leave('e:d', late);
  topics.publish('e:d', variants.jsonDelta, Buffer.from('{}'), 0);
  publish('4');
  await setImmediate();
  t.equal(late.got.length, 1, 'nor what comes after it has left');
});
