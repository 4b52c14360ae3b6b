/** What the thread for calls to the application runs: Piscina calls the default export with each call. */
import { createHmac } from 'node:crypto';

export interface AccessCall {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  /** JSON. */
  readonly body: string;
}

export interface AccessAnswer {
  readonly status: number;
  readonly body: string;
}

const maxBytes = 64 * 1024;

/** The signature lets the application tell our calls from others': HMAC-SHA256 of `<timestamp>.<body>`. */
export default async function call({ url, secret, timeoutMs, body }: AccessCall): Promise<AccessAnswer> {
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
