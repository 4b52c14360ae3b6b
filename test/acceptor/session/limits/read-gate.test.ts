import { test } from 'tap';
import { freeGate } from '../../../support/parts/budgets.js';
import { ReadGate, type AnswerFrame } from '../../../../src/acceptor/session/limits/read-gate.js';

function frame(read: number, name: string, last = true): AnswerFrame {
  const type = name === 'error' ? 'error' : 'sync_response';
  return { read, bytes: Buffer.from(name), type, encoding: 'binary', last };
}

/** A gate, the numbers of the reads that it has started, and a socket with a buffer of ten bytes. */
class Fixture {
  readonly gate = new ReadGate(freeGate(() => ++this.#reads));
  /** Started requests, as `<request>:<read>`. */
  readonly started: string[] = [];
  readonly sent: string[] = [];
  /** Documents that were answered, and those that were refused. */
  readonly answered: string[] = [];
  buffered = 0;
  readonly #outlet = {
    hasRoom: (): boolean => this.buffered <= 10,
    send: ({ bytes }: AnswerFrame): void => {
      this.sent.push(Buffer.from(bytes).toString());
      this.buffered += bytes.length;
    },
    answered: (documentId: string, isRefused: boolean): void => {
      this.answered.push(`${isRefused ? 'refused' : 'answered'} ${documentId}`);
    },
  };
  #asked = 0;
  #reads = 0;

  /** @param document The same for all of them. */
  ask(count: number, document?: string): void {
    for (let i = 0; i < count; i++) {
      const request = ++this.#asked;
      const asked = { documentId: document ?? `d${request}`, requestId: `r${request}`, subject: 's' };
      this.gate.request(asked, (read) => this.started.push(`${request}:${read}`), 10);
    }
  }

  answer(read: number, name: string, last?: boolean): void {
    this.gate.answer(frame(read, name, last), this.#outlet);
  }

  /** Drains the buffer of the socket. */
  drain(): void {
    this.buffered = 0;
    this.gate.pump(this.#outlet);
  }
}

test('a session has a few reads in progress, the others wait', (t) => {
  const fixture = new Fixture();
  fixture.ask(20);
  t.equal(fixture.started.length, 8);
  t.equal(fixture.gate.waiting, 12);
  fixture.answer(1, '1');
  fixture.answer(2, '2');
  t.strictSame(fixture.started.slice(8), ['9:9', '10:10']);
  for (let read = 3; read <= 20; read++) {
    fixture.answer(read, 'x');
    fixture.drain();
  }
  t.equal(fixture.started.length, 20);
  t.equal(fixture.gate.isIdle, true);
  t.end();
});

test('a gate is idle before its first request and after its last answer', (t) => {
  const fixture = new Fixture();
  t.equal(fixture.gate.isIdle, true);
  fixture.ask(1);
  t.equal(fixture.gate.isIdle, false);
  fixture.buffered = 11;
  fixture.answer(1, 'a');
  t.equal(fixture.gate.isIdle, false, 'the socket has no room for the answer');
  fixture.drain();
  fixture.answer(2, 'a');
  t.equal(fixture.gate.isIdle, true);
  t.end();
});

test('a read is over with its last frame', (t) => {
  const fixture = new Fixture();
  fixture.ask(9);
  fixture.answer(1, 'a', false);
  fixture.answer(1, 'b', false);
  t.strictSame([fixture.started.length, fixture.sent], [8, []]);
  fixture.answer(1, 'c');
  t.equal(fixture.started.length, 9);
  t.strictSame(fixture.sent, ['a', 'b', 'c']);
  t.end();
});

test('SUB1, FAN5: an answer that does not fit into the buffer is dropped, and its read repeated later', (t) => {
  const fixture = new Fixture();
  fixture.ask(3);
  fixture.answer(1, 'aaaaaaaaaaaa');
  fixture.answer(2, 'old');
  t.strictSame(fixture.sent, ['aaaaaaaaaaaa']);
  fixture.ask(1);
  t.equal(fixture.started.length, 3, 'nothing is started meanwhile');
  fixture.drain();
  t.strictSame(fixture.started.slice(3), ['2:4', '4:5'], 'the dropped one first');
  fixture.answer(4, 'new');
  t.strictSame(fixture.sent.slice(1), ['new']);
  t.end();
});

test('FAN5: an answer of many frames is sent as the buffer allows, and others wait for its end', (t) => {
  const fixture = new Fixture();
  fixture.ask(2);
  for (const [i, name] of ['aaaaaa', 'bbbbbb', 'cccccc', 'd'].entries()) fixture.answer(1, name, i === 3);
  t.strictSame(fixture.sent, ['aaaaaa', 'bbbbbb'], 'the last one that is sent may go over');
  fixture.buffered = 0;
  fixture.answer(2, 'other');
  t.equal(fixture.sent.length, 2, 'another answer does not come between');
  fixture.drain();
  t.strictSame(fixture.sent.slice(2), ['cccccc', 'd'], 'in order');
  t.strictSame(fixture.started.slice(2), ['2:3']);
  t.end();
});

test('contract 8: the second answer to a read, after the death of a worker, is ignored', (t) => {
  const fixture = new Fixture();
  fixture.ask(2);
  fixture.answer(1, 'a');
  fixture.answer(1, 'a');
  t.strictSame(fixture.sent, ['a']);
  t.equal(fixture.gate.isIdle, false, 'the other is still under way');
  fixture.ask(20);
  t.equal(fixture.started.length, 1 + 8);
  t.end();
});

test('contract 10: the bytes of waiting requests are counted, also of those that wait again', (t) => {
  const all = new Fixture();
  all.ask(8);
  t.equal(all.gate.waitingBytes, 0, 'they are under way');
  all.ask(3);
  t.equal(all.gate.waitingBytes, 30);
  all.answer(1, 'fills the socket');
  t.equal(all.gate.waitingBytes, 20, 'the next one was started');
  all.answer(2, 'finds no room');
  t.equal(all.gate.waitingBytes, 30);
  all.drain();
  t.equal(all.gate.waitingBytes, 20);
  t.end();
});

test('SUB2 a document is answered when its answer is sent, not when that is dropped', (t) => {
  const fixture = new Fixture();
  fixture.ask(1);
  fixture.buffered = 11;
  fixture.answer(1, 'a');
  t.strictSame(fixture.answered, []);
  fixture.drain();
  fixture.answer(2, 'a');
  t.strictSame(fixture.answered, ['answered d1']);
  t.end();
});

test('a refused document counts as such unless another request for it is open', (t) => {
  const fixture = new Fixture();
  fixture.ask(2, 'd');
  fixture.answer(1, 'error');
  t.strictSame(fixture.answered, []);
  fixture.answer(2, 'error');
  t.strictSame(fixture.answered, ['refused d']);
  t.end();
});

test('FAN6 reads of documents that may not be read any more are given up, wherever they are', (t) => {
  const fixture = new Fixture();
  fixture.ask(1, 'kept');
  fixture.ask(5, 'lost');
  fixture.ask(10, 'waits');
  fixture.ask(2, 'lost');
  for (const [i, name] of ['bbbbbb', 'bbbbbb', 'cccccc'].entries()) fixture.answer(2, name, i === 2);
  t.strictSame(fixture.sent, ['bbbbbb', 'bbbbbb']);
  const cancelled = fixture.gate.cancel((documentId) => documentId !== 'lost');
  t.strictSame(
    cancelled.map(({ requestId }) => requestId),
    ['r3', 'r4', 'r5', 'r6', 'r17', 'r18'],
    'not that of which a part was sent',
  );
  fixture.drain();
  for (const read of [2, 3, 4, 5, 6]) fixture.answer(read, 'secret');
  fixture.answer(1, 'a');
  t.strictSame(fixture.sent.slice(2), ['a'], 'nothing of them is sent');
  t.equal(fixture.gate.waitingBytes, fixture.gate.waiting * 10);
  t.equal(fixture.started.length, 6 + 8);
  t.end();
});
