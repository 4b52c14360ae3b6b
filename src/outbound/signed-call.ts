/** A call to the operator's application over HTTP. Piscina calls the default export with each call. */
import { createHmac } from 'node:crypto';

export interface SignedCall {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  /** JSON. */
  readonly body: string;
}

export interface CallAnswer {
  readonly status: number;
  readonly body: string;
}

const maxBytes = 64 * 1024;

/**
 * The signature lets the application tell our calls from others': HMAC-SHA256 of `<timestamp>.<body>`.
 *
 * @throws Error When there is no answer in time, it is a redirect, or it has more than 64 KiB.
 */
export default async function call({ url, secret, timeoutMs, body }: SignedCall): Promise<CallAnswer> {
  const timestamp = String(Date.now());
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-SyncKit-Timestamp': timestamp,
      'X-SyncKit-Signature': `sha256=${signature}`,
    },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // The body of a fetch is an async iterable in Node.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return { status: response.status, body: Buffer.concat(parts).toString('utf8') };
}
