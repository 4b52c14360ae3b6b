/** What the webhook is told of users who come to documents and go. */
import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';
import { WebhookReceiver } from '../../support/nodes/webhook-receiver.js';

const env = {
  JWT_SECRET: secret,
  DATABASE_URL: 'memory:',
  WEBHOOK_EVENTS: 'user.connected,user.disconnected',
  WEBHOOK_RETRY_MS: '20',
};
const as = (user: string) => ({ token: token(user, { read: ['*'], write: ['*'] }) });

async function receiver(): Promise<{ hook: WebhookReceiver; told: () => string[] }> {
  const hook = await new WebhookReceiver().start();
  const told = (): string[] =>
    hook.accepted.map(({ type, documentId, userId }) => `${type} ${documentId} ${userId ?? ''}`);
  return { hook, told };
}

test('the first session of a user that follows a document, and the end of the last one, are told', async (t) => {
  const { hook, told } = await receiver();
  t.teardown(() => hook.stop());
  const to = await server(t, { ...env, ...hook.env, WEBHOOK_DEBOUNCE_MS: '100' });
  const [first, second] = [await client(t, to, as('ann')), await client(t, to, as('ann'))];
  await first.subscribe('a');
  await second.subscribe('a');
  await until('ann to be told', () => told().length === 1);
  await first.subscribe('b');
  await until('the other document', () => told().length === 2);
  first.socket.terminate();
  await until('the end of one', () => told().length === 3);
  second.send('unsubscribe', { documentId: 'a' });
  await until('the end of the last one', () => told().length === 4);
  t.strictSame(told(), [
    'user.connected a ann',
    'user.connected b ann',
    'user.disconnected b ann',
    'user.disconnected a ann',
  ]);
  await second.acked(second.set('c', 'x', 1));
  await until('a writer', () => told().includes('user.connected c ann'));
  t.notOk(
    hook.calls.some(({ type }) => type.startsWith('document')),
    'nothing else is told',
  );
  t.equal(new Set(hook.accepted.map(({ id }) => id)).size, hook.accepted.length);
  t.strictSame(hook.problems, []);
});

test('who comes back at once has not gone, and a receiver that fails for a moment is told later', async (t) => {
  const { hook, told } = await receiver();
  t.teardown(() => hook.stop());
  const to = await server(t, { ...env, ...hook.env, WEBHOOK_DEBOUNCE_MS: '3000' });
  let failures = 0;
  hook.answer = (response) => response.writeHead(failures++ < 2 ? 500 : 204).end();
  const ann = await client(t, to, as('ann'));
  for (let i = 0; i < 3; i++) {
    await ann.subscribe('a');
    ann.send('unsubscribe', { documentId: 'a' });
  }
  const bob = await client(t, to, as('bob'));
  await bob.subscribe('a');
  await until('bob to be told', () => told().length > 0);
  t.strictSame(told(), ['user.connected a bob']);
  t.equal(new Set(hook.calls.map(({ id }) => id)).size, 1, 'the same event, again');
});
