/** Every refusal of the HTTP API is counted by its code, and each of them once, wherever it is decided. */
import { test } from 'tap';
import { server, secret, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

void test('each refusal with a code is counted once', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  const ann = { Authorization: `Bearer ${token('ann', { read: ['*'], write: ['*'] })}` };
  const json = { ...ann, 'Content-Type': 'application/json' };
  const body = '{"a":1}';
  const keyed = { ...json, 'Idempotency-Key': 'the-same' };
  const requests: [path: string, init: RequestInit, code: string | undefined][] = [
    ['plan', { method: 'PATCH', headers: keyed, body }, undefined],
    ['plan', { method: 'PATCH', headers: keyed, body: '{"a":2}' }, 'IDEMPOTENCY_KEY_REUSED'],
    ['plan', { method: 'POST', headers: json, body }, 'METHOD_NOT_ALLOWED'],
    ['plan/nothing', { headers: ann }, 'NOT_FOUND'],
    ['plan', { method: 'PATCH', headers: { ...ann, 'Content-Type': 'text/csv' }, body }, 'UNSUPPORTED_MEDIA_TYPE'],
    ['plan?unknown=1', { headers: ann }, 'INVALID_REQUEST'],
    ['not%20an%20id', { headers: ann }, 'INVALID_DOCUMENT_ID'],
    ['plan', {}, 'AUTH_REQUIRED'],
    ['plan', { headers: { Authorization: 'Bearer forged' } }, 'AUTH_FAILED'],
    ['plan', { method: 'DELETE', headers: ann }, 'PERMISSION_DENIED'],
    ['missing', { headers: ann }, 'DOCUMENT_NOT_FOUND'],
    ['plan', { method: 'PATCH', headers: { ...json, 'If-Match': '"another"' }, body }, 'PRECONDITION_FAILED'],
    ['plan/events?token=forged', {}, 'AUTH_FAILED'],
    ['not%20an%20id/events', { headers: ann }, 'INVALID_DOCUMENT_ID'],
  ];
  const expected: Record<string, number> = {};
  for (const [path, init, code] of requests) {
    const response = await fetch(`${to.http}/documents/${path}`, init);
    const answer = (await response.json().catch(() => ({}))) as { readonly code?: string };
    t.equal(answer.code, code, path);
    if (code !== undefined) expected[code] = (expected[code] ?? 0) + 1;
  }
  const counted = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(`${to.http}/metrics`)).text();
    const samples = [...text.matchAll(/^synckit_errors_total\{code="(\w+)"\} (\d+)$/gm)];
    return Object.fromEntries(
      samples.map(([, code = '', count]) => [code, Number(count)] as const).filter(([, count]) => count !== 0),
    );
  };
  const total = (of: Record<string, number>): number => Object.values(of).reduce((sum, count) => sum + count, 0);
  // Metrics are rendered once a second at most.
  await until('all to be counted', async () => total(await counted()) >= total(expected)).catch(() => undefined);
  t.same(await counted(), expected);
});
