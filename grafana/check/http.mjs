/** Documents over HTTP: everything that a backend does, and what is refused. */
import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';

const { fetch, AbortController, Response } = globalThis;

/**
 * @param url Of the server: `http://127.0.0.1:<port>`.
 * @returns A function that sends a request with this token, and reads the answer; undefined where none came.
 */
export function asker(url, token) {
  return async (path, options = {}) => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...options.headers };
    // A server that is full or asked too often says so; that counts as well.
    const answer = await fetch(url + path, { ...options, headers }).catch(() => undefined);
    const bytes = await answer?.arrayBuffer().catch(() => undefined);
    return answer === undefined ? undefined : new Response(isEmpty(answer) ? null : bytes, answer);
  };
}

function isEmpty({ status }) {
  return status === 204 || status === 304;
}

/** @param url As of `asker`. @param token Of somebody who may read and write everything. */
export async function useHttp(url, token) {
  const ask = asker(url, token);
  const patch = (fields, headers = {}) =>
    ask('/documents/backend', { method: 'PATCH', body: JSON.stringify(fields), headers });

  const stream = new AbortController();
  const following = follow(`${url}/documents/backend/events`, token, stream.signal);
  await patch({ title: 'Plan' });
  for (let again = 0; again < 2; again++) await patch({ n: again }, { 'Idempotency-Key': `key-${Date.now() >> 12}` });
  const etag = (await ask('/documents/backend'))?.headers.get('etag') ?? '';
  await ask('/documents/backend', { headers: { 'If-None-Match': etag } });
  await patch({ title: 'Late' }, { 'If-Match': '"other"' });
  await ask('/documents/backend/deltas', {
    method: 'POST',
    body: JSON.stringify({ deltas: [{ field: 'f', value: 1 }] }),
  });
  await ask('/documents/backend/text');
  await ask('/documents/backend', { method: 'PATCH', body: 'no JSON' });
  await ask('/documents/backend', { method: 'PATCH', body: Buffer.alloc(2 * 1024 * 1024, ' ') });
  await ask('/documents/backend', { headers: { Authorization: 'Bearer nonsense' } });
  await ask('/admin/documents');
  await ask('/nothing/is/here');
  await ask('/documents/backend', { method: 'DELETE' });
  await patch({}, { 'Content-Type': 'text/plain' });
  const reused = { 'Idempotency-Key': `reused-${Date.now()}` };
  for (const n of [1, 2]) await patch({ n }, reused);
  await sleep(1_500);
  stream.abort();
  await following;
}

/** Reads a stream of events until it is ended. */
async function follow(url, token, signal) {
  try {
    const { body } = await fetch(url, { headers: { Authorization: `Bearer ${token}` }, signal });
    for await (const chunk of body ?? []) if (chunk.length === 0) return;
  } catch {
    // It was ended.
  }
}
