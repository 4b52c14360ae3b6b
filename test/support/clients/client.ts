/** A protocol client without an SDK: binary or JSON, plain (`delta`) or supportsBatch (`delta_batch`). */
import { once } from 'node:events';
import WebSocket from 'ws';
import { typeCodes, type MessageType } from '../../../src/protocol/codes.js';
import { until } from '../nodes/server.js';

/** A message as it came: its fields with its type and time. */
export interface Incoming {
  readonly type: MessageType;
  readonly timestamp: number;
  readonly [key: string]: unknown;
}

export interface ClientOptions {
  readonly encoding?: 'binary' | 'json';
  /** For the query string of the upgrade request. */
  readonly token?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Of `Sec-WebSocket-Protocol`. */
  readonly protocols?: readonly string[];
  /** Address to connect from, such as 127.0.0.2. */
  readonly localAddress?: string;
  /** Offers to take compressed messages, and compresses its own of 1 KiB and more if the server agrees. */
  readonly deflate?: boolean;
  /** Certificates of authorities that are trusted, in PEM; for wss. */
  readonly ca?: string;
  /** Time for connecting, in ms; default for ever. */
  readonly connectTimeoutMs?: number;
}

const names = new Map<number, MessageType>(
  Object.entries(typeCodes).map(([name, code]) => [code, name as MessageType]),
);

/** The binary frame of a message. */
export function binaryFrame(type: MessageType, payload: object, timestamp = Date.now()): Buffer {
  const json = Buffer.from(JSON.stringify(payload));
  const frame = Buffer.alloc(13 + json.length);
  frame[0] = typeCodes[type];
  frame.writeBigInt64BE(BigInt(Math.trunc(timestamp)), 1);
  frame.writeUInt32BE(json.length, 9);
  json.copy(frame, 13);
  return frame;
}

export function decodeFrame(data: Buffer, isBinary: boolean): Incoming {
  if (!isBinary) return JSON.parse(data.toString()) as Incoming;
  const type = names.get(data[0]!);
  if (type === undefined) throw new Error(`unknown type code ${data[0]}`);
  const payload = JSON.parse(data.toString('utf8', 13, 13 + data.readUInt32BE(9))) as object;
  return { ...payload, type, timestamp: Number(data.readBigInt64BE(1)) };
}

/** One connection. Everything that comes is kept in `messages`, in order. */
export class RawClient {
  readonly messages: Incoming[] = [];
  /** Called for each message as it comes. */
  onMessage: (message: Incoming) => void = () => undefined;
  closed: { code: number; reason: string } | undefined;
  readonly #encoding: 'binary' | 'json';
  #ids = 0;

  private constructor(
    readonly socket: WebSocket,
    options: ClientOptions,
  ) {
    this.#encoding = options.encoding ?? 'binary';
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const message = decodeFrame(data, isBinary);
      this.messages.push(message);
      this.onMessage(message);
    });
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    // A connection that breaks is seen by its `closed`.
    socket.on('error', () => undefined);
  }

  static async connect(url: string, options: ClientOptions = {}): Promise<RawClient> {
    const query = options.token === undefined ? '' : `?token=${encodeURIComponent(options.token)}`;
    const { headers = {}, protocols = [], localAddress, deflate = false, connectTimeoutMs, ca } = options;
    const socket = new WebSocket(url + query, [...protocols], {
      headers,
      perMessageDeflate: deflate,
      ...(ca === undefined ? {} : { ca }),
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(connectTimeoutMs === undefined ? {} : { handshakeTimeout: connectTimeoutMs }),
    });
    const client = new RawClient(socket, options);
    await once(socket, 'open');
    return client;
  }

  /** Sends a message; returns the id by which it is acknowledged or answered. */
  send(type: MessageType, fields: Record<string, unknown> = {}, timestamp = Date.now()): string {
    const id = `m${++this.#ids}`;
    if (this.#encoding === 'json') this.socket.send(JSON.stringify({ type, id, timestamp, ...fields }));
    else this.socket.send(binaryFrame(type, { id, ...fields }, timestamp));
    return id;
  }

  /** The next message that fits, or one that has come already. */
  async expect(what: string, fits: (message: Incoming) => boolean): Promise<Incoming> {
    let found: Incoming | undefined;
    await until(what, () => (found = this.messages.find(fits)) !== undefined);
    return found!;
  }

  /** Waits for the ack of a message. @throws At once when an error comes that names it, or one that names none. */
  async acked(id: string): Promise<Incoming> {
    const seen = this.messages.length;
    const ack = await this.expect(`the ack of ${id}`, (message) => {
      if (message.type === 'ack') return message['messageId'] === id;
      if (message.type !== 'error') return false;
      const refused = (message['details'] as Record<string, unknown>)['messageId'];
      return refused === id || (refused === undefined && this.messages.indexOf(message) >= seen);
    });
    if (ack.type === 'error') throw new Error(`no ack of ${id}, but ${JSON.stringify(ack)}`);
    return ack;
  }

  /** Waits for the error that a message is refused with; its code is in `details`. */
  async refused(id: string): Promise<Incoming & { readonly details: Record<string, unknown> }> {
    const error = await this.expect(
      `the error to ${id}`,
      (m) => m.type === 'error' && (m['details'] as Record<string, unknown>)['messageId'] === id,
    );
    return error as Incoming & { readonly details: Record<string, unknown> };
  }

  /** Subscribes and returns the answer. */
  async subscribe(documentId: string): Promise<Incoming> {
    const id = this.send('subscribe', { documentId });
    return this.expect(`the state of ${documentId}`, (m) => m.type === 'sync_response' && m['requestId'] === id);
  }

  /** Writes one field in the SDK's form; returns the message id. */
  set(documentId: string, field: string, value: unknown, more: Record<string, unknown> = {}): string {
    return this.send('delta', { documentId, field, value, ...more });
  }

  /** All that came of these types. */
  received(...types: MessageType[]): Incoming[] {
    return this.messages.filter((message) => types.includes(message.type));
  }

  /**
   * Waits until everything that was asked before is answered as far as the server answers at once: a `ping` is not
   * overtaken by earlier messages of the connection.
   */
  async roundTrip(): Promise<void> {
    const before = this.received('pong').length;
    this.send('ping');
    await until('a pong', () => this.received('pong').length > before);
  }

  /** Waits for the end of the connection. */
  async end(): Promise<{ code: number; reason: string }> {
    await until('the end of the connection', () => this.closed !== undefined);
    return this.closed!;
  }

  async close(): Promise<void> {
    this.socket.close();
    if (this.closed === undefined) await once(this.socket, 'close');
  }
}
