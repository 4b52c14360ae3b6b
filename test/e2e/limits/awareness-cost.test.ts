/** What awareness costs is charged to the session that asks for it. */
import { test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

test('awareness_subscribe again and again: one answer for all requests before it', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const shown = await client(t, to);
  for (let i = 0; i < 50; i++) {
    const state = { text: 'x'.repeat(10_000) };
    shown.send('awareness_update', { documentId: 'd', clientId: `c${i}`, state, clock: 1 });
  }
  await shown.roundTrip();
  const asking = await client(t, to);
  for (let i = 0; i < 200; i++) asking.send('awareness_subscribe', { documentId: 'd' });
  await asking.roundTrip();
  await until('an answer', () => asking.received('awareness_state').length > 0);
  await asking.roundTrip();
  t.ok(asking.received('awareness_state').length < 50, `${asking.received('awareness_state').length} answers`);
  t.equal((asking.received('awareness_state').at(-1)!['states'] as unknown[]).length, 50);
  t.same(asking.received('error'), []);
  shown.send('awareness_update', { documentId: 'd', clientId: 'c0', state: { text: 'new' }, clock: 2 });
  await until('the update', () => asking.received('awareness_update').length === 1);
});

test('awareness_subscribe of a client that does not read: its answers wait', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', WS_MAX_BACKPRESSURE_BYTES: '1MiB' });
  const shown = await client(t, to);
  for (let i = 0; i < 60; i++) {
    const state = { text: 'x'.repeat(10_000) };
    shown.send('awareness_update', { documentId: 'd', clientId: `c${i}`, state, clock: 1 });
  }
  await shown.roundTrip();
  const slow = await client(t, to);
  slow.socket.pause();
  for (let i = 0; i < 60; i++) {
    slow.send('awareness_subscribe', { documentId: 'd' });
    await shown.roundTrip();
  }
  slow.socket.resume();
  await slow.roundTrip();
  t.equal(slow.closed, undefined, 'it is not disconnected for what it asked for');
});

test('awareness updates over the rate of a session are refused, and told when they are not', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_AWARENESS_BYTES_PER_SECOND: '1KiB' });
  const raw = await client(t, to);
  const state = { text: 'x'.repeat(1_000) };
  for (let clock = 1; clock <= 20; clock++) {
    raw.send('awareness_update', { documentId: 'd', clientId: 'c', state, clock });
  }
  await raw.roundTrip();
  const refused = raw.received('error');
  t.ok(refused.length > 5, `${refused.length} refused`);
  t.match(refused[0]!['details'], { code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: Number });
});
