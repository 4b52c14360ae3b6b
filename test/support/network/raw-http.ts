/** HTTP as bytes on a socket, for what no HTTP library sends. */
import { connect } from 'node:net';
import { until } from '../nodes/server.js';

export interface RawAnswer {
  /** Everything that came, as latin1. */
  readonly text: string;
  /** The status codes of the answers in it. */
  readonly statuses: readonly number[];
}

/** Sends bytes and waits until the server ends the connection. */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  options: { readonly localAddress?: string } = {},
): Promise<RawAnswer> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  let text = '';
  let isClosed = false;
  socket.setEncoding('latin1');
  socket.on('data', (part: string) => (text += part));
  socket.on('error', () => undefined).on('close', () => (isClosed = true));
  socket.write(bytes);
  await until('the server to end the connection', () => isClosed);
  return { text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code)) };
}
