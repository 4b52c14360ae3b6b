/** Writes that the application is asked about before they are merged. */
import { test } from 'tap';
import { User } from '../../src/acceptor/session/parts/user.js';
import type { Session } from '../../src/acceptor/session/session.js';
import type { Verdict } from '../../src/acceptor/session/session-checks.js';
import { budgets } from '../support/parts/budgets.js';
import { turn } from '../support/parts/recording-shards.js';
import { delta, routerFixture as fixture } from '../support/parts/router.js';

test('writes that are asked about are handled in their order, and reads of their document after them', async (t) => {
  const answers = new Map<string, (verdict: Verdict) => void>();
  const { shards, join } = fixture(
    t,
    {},
    {
      isFor: (documentId) => documentId !== 'free',
      check: ({ payload }) =>
        new Promise((resolve) => {
          const { value } = JSON.parse(Buffer.from(payload).toString()) as { value: number };
          answers.set(String(value), resolve);
        }),
    },
  );
  const { send, socket } = join();
  const valuesOf = (): string[] =>
    shards.tasks.splice(0).flatMap((task) => task.map((group) => group.replace(/\{[^}]*"value":(\d)\}/g, '$1')));
  send(delta('d', { value: 1 }));
  send(delta('d', { value: 2 }));
  send({ type: 'subscribe', id: 's', timestamp: 1, documentId: 'd' });
  send(delta('free', { value: 3 }));
  send(delta('e', { value: 4 }));
  await turn();
  t.strictSame(valuesOf(), ['free:3'], 'what needs no answer waits for none');
  answers.get('2')?.({ kind: 'allowed' });
  answers.get('4')?.({ kind: 'unknown' });
  await turn();
  t.strictSame(valuesOf(), []);
  t.strictSame(socket.calls.splice(0), ['send error VALIDATION_UNAVAILABLE m']);
  answers.get('1')?.({ kind: 'forbidden', reason: 'no' });
  await turn();
  t.strictSame(socket.calls.splice(0), ['send error VALIDATION_FAILED m']);
  const [group = ''] = valuesOf();
  t.match(group, /^d:2,\{/, 'the read comes after the write before it');
});

test('messages that wait for an answer are bounded, and those of a closed session are dropped', async (t) => {
  const answers: ((verdict: Verdict) => void)[] = [];
  const check = (): Promise<Verdict> => new Promise((resolve) => answers.push(resolve));
  const { shards, join, heldBytes } = fixture(t, {}, { isFor: () => true, check });
  const { send, session } = join();
  for (let i = 0; i < 1_000; i++) t.strictSame(send(delta('d')), []);
  t.strictSame(send(delta('d')), ['send error RATE_LIMIT_EXCEEDED m']);
  t.ok(heldBytes.bytes > 1_000 * 256);
  session.become({ kind: 'closed' });
  for (const answer of answers) answer({ kind: 'allowed' });
  await turn();
  t.strictSame(shards.tasks, []);
  t.equal(heldBytes.bytes, 0);
});

test('writes keep their order where it has to be asked anew what the session may do', async (t) => {
  const answers: ((verdict: Verdict) => void)[] = [];
  const check = (): Promise<Verdict> => new Promise((resolve) => answers.push(resolve));
  const { shards, join } = fixture(t, {}, { isFor: () => true, check });
  const { send, session } = join();
  for (const value of [1, 2, 3]) send(delta('d', { value }));
  const { state } = session;
  if (state.kind !== 'authenticated') throw new Error('the session is not authenticated');
  let known: () => void = () => undefined;
  let pending: Promise<void> | undefined = new Promise<void>((resolve) => (known = resolve)).then(() => {
    pending = undefined;
  });
  const access = { ...state.access, prepare: () => pending, isKnown: () => true };
  session.become({ ...state, access });
  for (const answer of answers) answer({ kind: 'allowed' });
  await turn();
  t.strictSame(shards.tasks, []);
  known();
  await turn();
  await turn();
  t.equal(answers.length, 3, 'each is asked about once');
  t.match(JSON.stringify(shards.tasks), /value[^\d]*1.*value[^\d]*2.*value[^\d]*3/);
});

test('what was allowed to one user is not written as that of another', async (t) => {
  let answer: (verdict: Verdict) => void = () => undefined;
  const check = (): Promise<Verdict> => new Promise((resolve) => (answer = resolve));
  const { shards, join } = fixture(t, {}, { isFor: () => true, check });
  const { send, session, socket } = join();
  const become = (id: string): void => {
    session.user = new User<Session>(id, id, true, budgets());
  };
  become('ann');
  send(delta('d', { value: 1 }));
  send({ type: 'subscribe', id: 's', timestamp: 1, documentId: 'd' });
  become('bob');
  answer({ kind: 'allowed' });
  await turn();
  t.strictSame(socket.calls, ['send error VALIDATION_UNAVAILABLE m']);
  t.equal(shards.tasks.length, 1, 'what only had to wait is handled');
  t.notMatch(JSON.stringify(shards.tasks), /value/);
  become('ann');
  send(delta('d', { value: 2 }));
  answer({ kind: 'allowed' });
  await turn();
  t.match(JSON.stringify(shards.tasks), /value[^\d]*2/);
});
