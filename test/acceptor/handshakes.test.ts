import { test } from 'tap';
import { Handshakes } from '../../src/acceptor/handshakes.js';

/** A response that waits, as uWS has it. */
class Waiting {
  onAbort: (() => void) | undefined;
  corked = 0;

  onAborted(handler: () => void): never {
    this.onAbort = handler;
    return this as never;
  }

  cork(action: () => void): never {
    this.corked++;
    action();
    return this as never;
  }
}

/** Takes more than half of a turn's time. */
function work(): void {
  const end = performance.now() + 3;
  while (performance.now() < end);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('many handshakes are spread over turns, in their order, and others are served between them', async (t) => {
  const handshakes = new Handshakes();
  const done: number[] = [];
  const responses = Array.from({ length: 12 }, () => new Waiting());
  responses.forEach((response, i) => {
    handshakes.add(response, () => {
      work();
      done.push(i);
    });
  });
  t.ok(done.length > 0, 'the first one does not wait');
  t.ok(done.length < 12);
  const doneAtOnce = done.length;
  let turns = 0;
  while (handshakes.waiting > 0) {
    const before = done.length;
    await nextTurn();
    if (done.length > before) turns++;
    t.ok(done.length - before <= 3, 'a turn does few of them');
  }
  t.ok(turns > 1);
  t.same(
    done,
    responses.map((_, i) => i),
  );
  t.same(
    responses.map(({ corked }) => corked),
    responses.map((_, i) => (i < doneAtOnce ? 0 : 1)),
    'what is done later is corked',
  );
});

test('one that comes while others wait is behind them, and one whose connection has gone is left out', async (t) => {
  const handshakes = new Handshakes();
  const done: string[] = [];
  const add = (name: string): Waiting => {
    const response = new Waiting();
    handshakes.add(response, () => {
      work();
      done.push(name);
    });
    return response;
  };
  const [, , , gone] = ['a', 'b', 'c', 'd', 'e'].map(add);
  gone?.onAbort?.();
  await nextTurn();
  add('f');
  while (handshakes.waiting > 0) await nextTurn();
  t.same(done, ['a', 'b', 'c', 'e', 'f']);
  await nextTurn();
  add('g');
  t.equal(done.at(-1), 'g', 'after a pause nothing waits');
});

test('what waits when the server stops is not done', async (t) => {
  const handshakes = new Handshakes();
  let done = 0;
  for (let i = 0; i < 10; i++) {
    handshakes.add(new Waiting(), () => {
      work();
      done++;
    });
  }
  const before = done;
  handshakes.stop();
  await nextTurn();
  await nextTurn();
  t.equal(done, before);
  t.equal(handshakes.waiting, 0);
});
