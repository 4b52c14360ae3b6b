/** What becomes of a shard's answers: which native calls they are, and what goes out together. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import type { TemplatedApp } from 'uWebSockets.js';
import { publishIn } from '../../../src/acceptor/apps.js';
import { noCompression } from '../../../src/acceptor/session/compression.js';
import { Delivery } from '../../../src/acceptor/fan-out/delivery.js';
import { ReadGate } from '../../../src/acceptor/session/limits/read-gate.js';
import type { Session } from '../../../src/acceptor/session/session.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { Topics } from '../../../src/acceptor/fan-out/topics.js';
import { recordKinds, variants, type Origin } from '../../../src/messages/task.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { Outbox, type Variant } from '../../../src/shard/outbox.js';
import { freeGate } from '../../support/parts/budgets.js';
import { recordingSession, textOf, type RecordingSession } from '../../support/parts/recording-session.js';

const json: Variant = { variant: variants.jsonDelta, encoding: 'json' };
const binary: Variant = { variant: variants.binaryDelta, encoding: 'binary' };
const MAX_BACKPRESSURE = 1_000;
let numbers = 0;

/** An acceptor's delivery, and the shard that it gets answers from. */
class Fixture {
  readonly topics = new Topics(100);
  /** Publishes of the app itself, as `publish <topic> <frame>`. */
  readonly published: string[] = [];
  readonly settled: string[] = [];
  readonly awareness: string[] = [];
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly app: Pick<TemplatedApp, 'publish'>;
  readonly reached: (number | 'begin' | 'more')[] = [];
  readonly #sessions = new Map<number, Session>();

  constructor() {
    const metrics = new AcceptorMetrics(undefined);
    this.app = {
      publish: (topic, frame, isBinary) => {
        this.published.push(`publish ${topic as string} ${textOf(frame, isBinary === true)}`);
        return true;
      },
    };
    this.delivery = new Delivery({
      publish: (...message) => {
        publishIn(this.app, ...message);
      },
      events: { publish: () => undefined },
      topics: this.topics,
      metrics,
      meter: new SessionMeter(metrics),
      awareness: {
        receive: (documentId) => void this.awareness.push(documentId),
        active: (documentId) => void this.awareness.push(`active ${documentId}`),
        stateFrame: () => new Uint8Array(),
      },
      find: (number) => this.#sessions.get(number),
      admission: { answered: () => undefined },
      outgoing: { measure: () => undefined, isCrowded: false },
      maxBackpressureBytes: MAX_BACKPRESSURE,
      compression: noCompression,
      cost: {
        begin: () => void this.reached.push('begin'),
        add: (subscribers, bytes, isFirst) => {
          assert.ok(bytes > 0);
          this.reached.push(isFirst ? subscribers : 'more');
        },
      },
      onSettled: (shard, task) => void this.settled.push(`${shard}:${task}`),
      onSettledGroup: (shard, task, group) => void this.settled.push(`${shard}:${task}:${group}`),
      onRelayed: () => undefined,
      onEnded: () => undefined,
      onStatus: () => undefined,
    });
    const status = { storageHealthy: true, busConnected: true, documents: 0, bytes: 0, pendingBytes: 0 };
    this.outbox = new Outbox(
      (answer) => this.delivery.deliver(1, answer),
      () => status,
    );
  }

  /** A session that is subscribed to these documents. */
  join(encoding: 'json' | 'binary', ...documentIds: string[]): RecordingSession {
    const made = recordingSession();
    made.session.encoding = encoding;
    made.session.app = this.app;
    this.#sessions.set(made.session.number, made.session);
    for (const documentId of documentIds) {
      this.topics.subscribe(made.session, documentId);
      this.topics.answered(made.session, documentId);
    }
    return made;
  }

  close({ session }: RecordingSession): void {
    session.become({ kind: 'closed' });
    this.#sessions.delete(session.number);
  }

  publish(documentId: string, value: number, to: Variant, except = 0): void {
    this.outbox.publishWith(documentId, to, except, 'delta', 0, (writer) =>
      writer.text(`"field":"f","value":${value}`),
    );
  }
}

function originOf({ session }: RecordingSession): Origin {
  return session.origin();
}

test('FAN1 a frame is one native call, whatever the number of its subscribers', (t) => {
  const fixture = new Fixture();
  const sessions = Array.from({ length: 50 }, () => fixture.join('json', 'd'));
  fixture.publish('d', 1, json);
  fixture.publish('d', 2, binary);
  fixture.outbox.flush();
  t.strictSame(fixture.published, ['publish j:d f=1', 'publish b:d f=2']);
  for (const { socket } of sessions) t.strictSame(socket.calls, []);
  t.end();
});

test('who gets several frames of a document counts once among those whose cost is measured', (t) => {
  const fixture = new Fixture();
  for (const encoding of ['json', 'json', 'binary'] as const) fixture.join(encoding, 'd', 'e');
  for (const value of [1, 2, 3]) fixture.publish('d', value, json);
  fixture.publish('d', 1, binary);
  fixture.publish('e', 1, binary);
  fixture.outbox.flush();
  t.strictSame(fixture.reached.splice(0), ['begin', 2, 'more', 'more', 1, 1]);
  fixture.publish('e', 2, binary);
  fixture.outbox.flush();
  t.strictSame(fixture.reached, ['begin', 1], 'in each answer for itself');
  t.end();
});

test('a publish that leaves out one session is made by its socket, once', (t) => {
  const fixture = new Fixture();
  const [sender, other] = [fixture.join('json', 'd'), fixture.join('json', 'd')];
  fixture.publish('d', 1, json, sender.session.number);
  fixture.outbox.flush();
  t.strictSame(sender.socket.calls, ['publish j:d f=1']);
  t.strictSame([...fixture.published, ...other.socket.calls], []);
  t.end();
});

test('where the session that is left out does not subscribe, or is gone, all subscribers get the frame', (t) => {
  const fixture = new Fixture();
  const [stranger, gone] = [fixture.join('json', 'other'), fixture.join('json', 'd')];
  fixture.close(gone);
  fixture.publish('d', 1, json, stranger.session.number);
  fixture.publish('d', 2, json, gone.session.number);
  fixture.outbox.flush();
  t.strictSame(fixture.published, ['publish j:d f=1', 'publish j:d f=2']);
  t.strictSame([...stranger.socket.calls, ...gone.socket.calls], []);
  t.end();
});

test('replies to one session that follow each other leave in one cork', (t) => {
  const fixture = new Fixture();
  const [first, second] = [fixture.join('binary'), fixture.join('json')];
  for (const id of ['1', '2', '3']) fixture.outbox.ack(originOf(first), id, 0);
  fixture.outbox.ack(originOf(second), '4', 0);
  fixture.outbox.error(originOf(first), 'INVALID_DELTA', { messageId: '5' });
  fixture.outbox.flush();
  t.strictSame(first.socket.calls, [
    'cork',
    'send ack 1',
    'send ack 2',
    'send ack 3',
    'cork',
    'send error INVALID_DELTA 5',
  ]);
  t.strictSame(second.socket.calls, ['cork', 'send ack 4']);
  t.end();
});

test('with several apps, the socket of the left out session publishes in its own, and the others do it themselves', (t) => {
  const fixture = new Fixture();
  const sender = fixture.join('json', 'd');
  const calls: string[] = [];
  const other: Pick<TemplatedApp, 'publish'> = { publish: (topic) => calls.push(topic as string) > 0 };
  for (const app of [fixture.app, other])
    publishIn(app, 'd', Buffer.from('{"type":"pong"}'), false, false, sender.session);
  t.equal(sender.socket.calls.length, 1);
  t.strictSame([fixture.published, calls], [[], ['d']]);
  t.end();
});

test('FAN4 a reply before a publish leaves before it', (t) => {
  const fixture = new Fixture();
  const sender = fixture.join('json', 'd');
  fixture.outbox.ack(originOf(sender), 'before', 0);
  fixture.publish('d', 1, json, sender.session.number);
  fixture.outbox.ack(originOf(sender), 'after', 0);
  fixture.outbox.flush();
  t.strictSame(sender.socket.calls, ['cork', 'send ack before', 'publish j:d f=1', 'cork', 'send ack after']);
  t.end();
});

test('an echo to the only subscriber joins the replies to it, unless it has left the document', (t) => {
  const fixture = new Fixture();
  const writer = fixture.join('json', 'd');
  const echo = (): void => fixture.outbox.echo('d', json, 'delta', '"field":"f","value":1', writer.session.number);
  echo();
  fixture.outbox.ack(originOf(writer), '1', 0);
  fixture.outbox.flush();
  fixture.topics.unsubscribe(writer.session, 'd');
  echo();
  fixture.outbox.flush();
  t.strictSame(writer.socket.calls, ['cork', 'send f=1', 'send ack 1']);
  t.strictSame(fixture.published, []);
  t.end();
});

test('a session that is gone is skipped, and the others get theirs', (t) => {
  const fixture = new Fixture();
  const [gone, closing, other] = [fixture.join('json'), fixture.join('json'), fixture.join('json')];
  fixture.close(gone);
  // Closed, though it can still be found.
  closing.session.become({ kind: 'closed' });
  for (const session of [gone, closing, other]) fixture.outbox.ack(originOf(session), '1', 0);
  fixture.outbox.settled(7);
  fixture.outbox.flush();
  t.strictSame([...gone.socket.calls, ...closing.socket.calls], []);
  t.strictSame(other.socket.calls, ['cork', 'send ack 1']);
  t.strictSame(fixture.settled, ['1:7'], 'with the number of the shard');
  t.end();
});

test('awareness of other processes reaches its document', (t) => {
  const fixture = new Fixture();
  fixture.outbox.awarenessActive('d');
  fixture.outbox.flush();
  t.strictSame(fixture.awareness, ['active d']);
  t.end();
});

test('SUB2 a session that asks is in the topics from its answer on: what is published before is in the answer', (t) => {
  const fixture = new Fixture();
  const asks = fixture.join('json');
  fixture.topics.subscribe(asks.session, 'd');
  const read = ++numbers;
  asks.session.reads = new ReadGate(freeGate(() => read));
  asks.session.reads.request({ documentId: 'd', requestId: 'r', subject: 's' }, () => undefined, 10);
  const topics: string[][] = [];
  const { published } = fixture;
  published.push = (...calls) => {
    topics.push(asks.topics());
    return Array.prototype.push.apply(published, calls);
  };
  const record = { kind: recordKinds.subscribe, origin: originOf(asks), read, payload: Buffer.of() };
  fixture.publish('d', 1, json);
  fixture.outbox.answer(record, 'sync_response', '"field":"f","value":1');
  fixture.publish('d', 2, json);
  fixture.outbox.flush();
  t.strictSame(topics, [[], ['X:d', 'j:d']]);
  t.end();
});

test('a slow consumer gets no answer to a read: it is read again when its socket has room', (t) => {
  const fixture = new Fixture();
  const slow = fixture.join('json');
  const reads = (slow.session.reads = new ReadGate(freeGate(() => ++numbers)));
  const started: number[] = [];
  const answer = (field: string, last: boolean): void => {
    const bytes = Buffer.from(JSON.stringify({ type: 'delta', field, value: 1 }));
    const read = started.at(-1)!;
    fixture.delivery.answerRead(slow.session, { read, bytes, type: 'delta', encoding: 'json', last });
  };
  reads.request({ documentId: 'd', requestId: 'r', subject: 's' }, (read) => started.push(read), 10);
  slow.socket.buffered = MAX_BACKPRESSURE / 2 + 1;
  answer('part', false);
  answer('rest', true);
  fixture.delivery.pumpReads(slow.session);
  t.notOk(slow.socket.calls.some((call) => call.startsWith('send')));
  t.equal(started.length, 1);
  slow.socket.buffered = MAX_BACKPRESSURE / 2;
  fixture.delivery.pumpReads(slow.session);
  t.equal(started.length, 2, 'it is read again');
  answer('part', false);
  answer('rest', true);
  t.strictSame(slow.socket.calls.slice(-3), ['cork', 'send part=1', 'send rest=1']);
  t.equal(slow.session.reads, undefined, 'nothing is left to read');
  t.end();
});

test('an answer to a read of a session that is gone is dropped', (t) => {
  const fixture = new Fixture();
  const gone = fixture.join('json');
  gone.session.reads = new ReadGate(freeGate(() => ++numbers));
  gone.session.reads.request({ documentId: 'd', requestId: 'r', subject: 's' }, () => undefined, 10);
  fixture.close(gone);
  const frame = { read: 1, bytes: Buffer.from('{}'), type: 'delta', encoding: 'json', last: true } as const;
  fixture.delivery.answerRead(gone.session, frame);
  fixture.delivery.pumpReads(gone.session);
  t.strictSame(gone.socket.calls, []);
  t.end();
});
