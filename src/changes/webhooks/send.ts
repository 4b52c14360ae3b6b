/** Sends a message to the receiver, which may answer anything, or nothing. */
import type { WebhookConfig } from '../../config/load.js';
import { signedHeaders, type Message } from './event.js';

export type Receiver = Pick<WebhookConfig, 'url' | 'secret' | 'timeoutMs'>;

export type SendResult =
  | { readonly ok: true }
  /** @property isDown Whether it is not about this message, so that others would fail too. */
  | { readonly ok: false; readonly reason: string; readonly isDown: boolean };

/** Bytes of an answer that are read; they are of no use, but a connection whose answer was read can be used again. */
const MAX_ANSWER_BYTES = 16 * 1024;
const TOO_MANY_REQUESTS = 429;
const REQUEST_TIMEOUT = 408;

/** Never rejects. Redirects are not followed: they could lead the signed message anywhere. */
export async function send({ url, secret, timeoutMs }: Receiver, message: Message): Promise<SendResult> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: signedHeaders(message, secret, Date.now()),
      body: message.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status, ok } = response;
    await drop(response);
    if (ok) return { ok };
    const isDown = status >= 500 || status === TOO_MANY_REQUESTS || status === REQUEST_TIMEOUT;
    return { ok, reason: `the answer is ${status}`, isDown };
  } catch (error) {
    return { ok: false, reason: reasonOf(error), isDown: true };
  }
}

/** What was answered with its status counts, whatever becomes of its body. */
async function drop({ body }: Response): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array };
      if (done) return;
      bytes += value?.byteLength ?? 0;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
    await reader.cancel();
  } catch {
    // It broke off, or took too long.
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the call failed';
  if (error.name === 'TimeoutError') return 'there was no answer in time';
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? `the call failed: ${code}` : 'the call failed';
}
