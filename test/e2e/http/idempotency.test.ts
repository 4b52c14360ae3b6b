/** Idempotency-Key: what somebody else, or somebody who may no longer, gets by it; and who lost the answer. */
import { connect } from 'node:net';
import { test } from 'tap';
import { ask } from '../../support/nodes/accounts.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';

const json = { 'Content-Type': 'application/json' };

test('an answer is given only to who may write', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  const patch = (shown: string, id = 'd'): ReturnType<typeof ask> =>
    ask(
      to,
      `PATCH /documents/${id}`,
      { f: 1 },
      { ...json, 'Idempotency-Key': 'one', Authorization: `Bearer ${shown}` },
    );
  const ann = token('ann', { write: ['*'] });
  t.equal((await patch(ann)).status, 204);
  t.equal((await patch(ann)).status, 204, 'the same answer');
  t.match(await patch(ann, 'other'), { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  const refused = { status: 403, body: { code: 'PERMISSION_DENIED' } };
  t.match(await patch(token('bob', { read: ['*'] })), refused, 'another user');
  t.match(await patch(token('ann', { read: ['*'] })), refused, 'the same user, who may not write any more');
});

test('who goes before the answer gets it later, and writes once', async (t) => {
  const to = await server(t, { SYNCKIT_HTTP_TIMEOUT_MS: '600000' });
  const raw = await client(t, to);
  await raw.subscribe('d');
  const body = '{"f":1}';
  const socket = connect(to.port, '127.0.0.1');
  socket.write(
    `PATCH /documents/d HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: one\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await raw.expect('the write', (m) => m.type === 'delta' && m['field'] === 'f');
  socket.destroy();
  const again = await ask(to, 'PATCH /documents/d', body, { ...json, 'Idempotency-Key': 'one' });
  t.equal(again.status, 204);
  await raw.roundTrip();
  t.equal(raw.received('delta').length, 1);
});
