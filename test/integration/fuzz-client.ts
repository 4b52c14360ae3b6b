/** A connection that sends fuzzed frames, and looks closely at what comes back. */
import { once } from 'node:events';
import WebSocket from 'ws';
import { typeCodes } from '../../src/protocol/codes.js';
import { errors } from '../../src/errors.js';
import { until } from '../support/nodes/server.js';
import { FuzzFrames, type Frame, type FuzzOptions } from './fuzz-frames.js';

export interface FuzzClientOptions extends FuzzOptions {
  readonly url: string;
  /** What its frames are; `mixed` sends both. */
  readonly frames: 'binary' | 'text' | 'mixed';
}

/** Frames until the answers are waited for. */
const BURST = 50;
const fromServer: readonly string[] = [
  ...['auth_success', 'auth_error', 'sync_response', 'sync_step2', 'delta', 'delta_batch', 'ack', 'pong'],
  ...['awareness_update', 'awareness_state', 'error'],
];
const nameOf = new Map<number, string>(Object.entries(typeCodes).map(([name, code]) => [code, name]));

export class FuzzClient {
  /** What was wrong with answers, and why the connection ended where it should not have. */
  readonly problems = new Set<string>();
  /** How often each type, and each error code, was answered. */
  readonly answers = new Map<string, number>();
  readonly #options: FuzzClientOptions;
  readonly #frames: FuzzFrames;
  #socket: WebSocket | undefined;
  #pongs = 0;
  /** On these it sent an `auth`, or text that is not UTF-8: the server may end them. */
  readonly #mayEnd = new WeakSet<WebSocket>();
  #sentText = false;

  constructor(options: FuzzClientOptions) {
    this.#options = options;
    this.#frames = new FuzzFrames(options);
  }

  /** Sends frames, and waits from time to time until the server has answered all of them. */
  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += BURST) {
      const socket = await this.#open();
      for (let i = 0; i < Math.min(BURST, count - sent); i++) this.#sendOne(socket);
      await this.#settle(socket);
    }
  }

  close(): void {
    if (this.#socket === undefined) return;
    this.#mayEnd.add(this.#socket);
    this.#socket.terminate();
  }

  async #open(): Promise<WebSocket> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    const socket = new WebSocket(this.#options.url, { perMessageDeflate: false });
    this.#socket = socket;
    this.#sentText = false;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#take(data, isBinary));
    socket.on('close', (code) => {
      if (!this.#mayEnd.has(socket)) this.problems.add(`CON6: the connection was ended with ${code}`);
    });
    await once(socket, 'open');
    socket.on('error', () => undefined);
    return socket;
  }

  #sendOne(socket: WebSocket): void {
    const { frames, random } = this.#options;
    const frame = this.#frames.next(frames === 'text' || (frames === 'mixed' && random.once(2)));
    this.#write(socket, frame.text && !random.once(100) ? asUtf8(frame) : frame);
  }

  #write(socket: WebSocket, { bytes, text }: Frame): void {
    if (text) this.#sentText = true;
    if (bytes[0] === typeCodes.auth || bytes.includes('auth') || (text && !isUtf8(bytes))) this.#mayEnd.add(socket);
    socket.send(bytes, { binary: !text });
  }

  /** A pong says that everything before it was dealt with on the acceptor. */
  async #settle(socket: WebSocket): Promise<void> {
    const before = this.#pongs;
    this.#write(socket, this.#frames.ping(this.#options.frames === 'text'));
    const isClosed = (): boolean => socket.readyState === WebSocket.CLOSED;
    await until('a pong', () => this.#pongs > before || isClosed(), 60_000);
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (isBinary && this.#options.frames === 'text') this.problems.add('CON1: a binary answer to a text client');
    if (!isBinary && !this.#sentText) this.problems.add('CON1: a text answer to a binary client');
    const problem = isBinary ? this.#readBinary(data) : this.#readText(data);
    if (problem !== undefined) this.problems.add(`${problem}: ${data.toString('latin1').slice(0, 200)}`);
  }

  #readBinary(data: Buffer): string | undefined {
    if (data.length < 13 || data.readUInt32BE(9) !== data.length - 13) return 'an answer of the wrong length';
    const message = parse(data.subarray(13));
    return this.#check(nameOf.get(data.readUInt8(0)), Number(data.readBigInt64BE(1)), message);
  }

  #readText(data: Buffer): string | undefined {
    const message = parse(data);
    return this.#check(message?.['type'], message?.['timestamp'], message);
  }

  #check(type: unknown, timestamp: unknown, message: Record<string, unknown> | undefined): string | undefined {
    if (message === undefined) return 'an answer that is not a JSON object';
    if (typeof type !== 'string' || !fromServer.includes(type)) return 'an answer of a type that servers do not send';
    if (!Number.isSafeInteger(timestamp) || typeof message['id'] !== 'string') return 'an answer without id or time';
    if (type === 'pong') this.#pongs++;
    const code = (message['details'] as { code?: string } | undefined)?.code;
    const counted = code ?? type;
    this.answers.set(counted, (this.answers.get(counted) ?? 0) + 1);
    if (type !== 'error') return undefined;
    const known = code !== undefined && Object.hasOwn(errors, code) ? errors[code as keyof typeof errors] : undefined;
    if (known === undefined) return 'ERR1: an error without a known code';
    if (!String(message['error']).startsWith(known.sentence)) return 'ERR2: an error with another sentence';
    return code === 'INTERNAL' ? 'an internal error' : undefined;
  }
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function asUtf8({ bytes, text }: Frame): Frame {
  return { bytes: Buffer.from(bytes.toString()), text };
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}
