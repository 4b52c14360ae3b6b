/** What one user may use of what all have. */
import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

const everything = { read: ['*'], write: ['*'] };

test('LIM13: a user may create a number of documents per hour, and goes on writing those that are there', async (t) => {
  const env = { JWT_SECRET: secret, DATABASE_URL: 'memory:', SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR: '3' };
  const to = await server(t, env);
  const [ann, again, bob] = [
    await client(t, to, { token: token('ann', everything) }),
    await client(t, to, { token: token('ann', everything) }),
    await client(t, to, { token: token('bob', everything) }),
  ];
  for (let i = 0; i < 3; i++) await ann.acked(ann.set(`d${i}`, 'f', i));
  for (const raw of [ann, again]) {
    raw.set('d3', 'f', 1);
    await until('the refusal', () => raw.received('error').length === 1);
    t.match(raw.received('error'), [{ details: { code: 'RATE_LIMIT_EXCEEDED', documentId: 'd3' } }]);
    await raw.acked(raw.set('d0', 'g', 1));
  }
  await bob.acked(bob.set('d3', 'f', 1));
  await ann.acked(ann.set('d3', 'g', 1));
  const text = await (await fetch(`${to.http}/metrics`)).text();
  t.match(text, /synckit_documents_created_total 4$/m);
});

test('LIM14: a write is charged once for each subscriber of its document', async (t) => {
  const env = { JWT_SECRET: secret, DATABASE_URL: 'memory:', SYNCKIT_MAX_FANOUT_BYTES_PER_SECOND: '64KiB' };
  const to = await server(t, env);
  const [ann, again, bob] = [
    await client(t, to, { token: token('ann', everything) }),
    await client(t, to, { token: token('ann', everything) }),
    await client(t, to, { token: token('bob', everything) }),
  ];
  const large = 'x'.repeat(60_000);
  for (let i = 0; i < 4; i++) await ann.acked(ann.set('alone', `f${i % 2}`, large));
  for (let i = 0; i < 100; i++) await (await client(t, to, { token: token('reader', everything) })).subscribe('d');
  await bob.acked(bob.set('d', 'f', large));
  bob.set('d', 'f', 1);
  await until('the refusal', () => bob.received('error').length === 1);
  const [error] = bob.received('error') as unknown as [{ details: { code: string; retryAfterMs: number } }];
  t.equal(error.details.code, 'RATE_LIMIT_EXCEEDED');
  t.ok(error.details.retryAfterMs > 60_000, `${error.details.retryAfterMs} ms for 6 MB`);
  await again.acked(again.set('d', 'g', 1));
  const text = await (await fetch(`${to.http}/metrics`)).text();
  t.match(text, /synckit_limit_rejections_total\{limit="fanOut"\} 1$/m);
});
