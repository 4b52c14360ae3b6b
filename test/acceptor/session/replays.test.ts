import { mock } from 'node:test';
import { test, type Test } from 'tap';
import { Replays } from '../../../src/acceptor/session/replays.js';
import type { Session } from '../../../src/acceptor/session/session.js';

interface Fixture {
  readonly replays: Replays;
  /** `<session> <document>`, in the order in which they were started. */
  readonly started: string[];
  readonly session: (number: number, others?: Partial<Session>) => Session;
}

function fixture(t: Test, delayMs = 100): Fixture {
  mock.timers.enable({ apis: ['setTimeout'] });
  const now = performance.now.bind(performance);
  let elapsed = 0;
  performance.now = () => elapsed;
  const tick = mock.timers.tick.bind(mock.timers);
  mock.timers.tick = (ms: number) => {
    elapsed += ms;
    tick(ms);
  };
  t.teardown(() => {
    performance.now = now;
    mock.timers.tick = tick;
    mock.timers.reset();
  });
  const started: string[] = [];
  const replays = new Replays({
    delayMs,
    start: (session, documentId) => started.push(`${session.number} ${documentId}`),
  });
  const session = (number: number, others: Partial<Session> = {}): Session =>
    ({
      ...{ number, isOpen: true, encoding: 'binary', supportsBatch: false, readsFields: false, readsState: false },
      subscriptions: new Map([
        ['a', 1],
        ['b', 1],
      ]),
      ...others,
    }) as unknown as Session;
  return { replays, started, session };
}

test('SUB6 a client that shows nothing gets its replays after the delay, in order', (t) => {
  const { replays, started, session } = fixture(t);
  const [one, two] = [session(1), session(2)];
  t.equal(replays.decide(one, 'a', false), 'later');
  mock.timers.tick(50);
  t.equal(replays.decide(two, 'a', false), 'later');
  t.equal(replays.decide(one, 'b', false), 'later');
  mock.timers.tick(49);
  t.same(started, []);
  mock.timers.tick(1);
  t.same(started, ['1 a']);
  mock.timers.tick(50);
  t.same(started, ['1 a', '2 a', '1 b']);
  t.equal(replays.size, 0);
  t.end();
});

test('SUB6 whoever shows meanwhile that it reads states, leaves or unsubscribes gets none', (t) => {
  const { replays, started, session } = fixture(t);
  const changes: ((session: Session) => void)[] = [
    (one) => (one.supportsBatch = true),
    (one) => (one.encoding = 'json'),
    (one) => one.subscriptions.delete('a'),
    (one) => void Object.assign(one, { isOpen: false }),
    (one) => void replays.decide(one, 'a', true),
  ];
  changes.forEach((change, number) => {
    const one = session(number);
    t.equal(replays.decide(one, 'a', false), 'later');
    change(one);
  });
  mock.timers.tick(200);
  t.same(started, []);
  t.end();
});

test('SUB6 a client that is known is not waited for', (t) => {
  const { replays, session } = fixture(t);
  t.equal(replays.decide(session(1, { readsFields: true }), 'a', false), 'now');
  t.equal(replays.decide(session(1, { readsFields: true }), 'a', true), 'now', 'it has subscribed by writing');
  t.equal(replays.decide(session(2, { readsState: true }), 'a', false), 'never');
  t.equal(replays.decide(session(3, { supportsBatch: true }), 'a', false), 'never');
  t.equal(replays.decide(session(4, { encoding: 'json' }), 'a', false), 'never');
  t.end();
});

test('SUB6 without a delay nobody is waited for', (t) => {
  const { replays, session } = fixture(t, 0);
  t.equal(replays.decide(session(5), 'a', false), 'now');
  t.end();
});

test('nothing is started after stop', (t) => {
  const { replays, started, session } = fixture(t);
  replays.decide(session(1), 'a', false);
  replays.stop();
  mock.timers.tick(1_000);
  t.same(started, []);
  t.end();
});
