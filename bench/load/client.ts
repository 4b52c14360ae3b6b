import { connect, type Socket } from 'node:net';
import { typeCodes } from '../../src/protocol/codes.js';
import type { Dialect, Receiver } from './dialects/dialect.js';
import { FrameReader, type FrameSink } from './frame-reader.js';
import { pongFrame } from './frames.js';
import type { Inflater } from './inflater.js';
import type { Ledger } from './ledger.js';
import { findMark, MARK_BYTES, microsecondsNow, numberOfMark, timeOfMark } from './mark.js';
import type { Tally } from './tally.js';
import type { Writer } from './writer.js';

/** What the clients of a process share. */
export interface Shared {
  readonly tally: Tally;
  ledger: Ledger | undefined;
  /** Connections that ended by themselves. */
  disconnected: number;
  firstError: string;
  /** When the bytes that are being read came, in microseconds since the epoch. */
  now: number;
  /** Where the mark of the last update lay in its frame: that of the next is likely to lie there too. */
  markOffset: number;
  readonly inflater: Inflater;
}

/** All sockets read into the same memory, one after the other. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPEN_TIMEOUT_MS = 30_000;

export interface OpenOptions {
  readonly dialect: Dialect;
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  /** Whether it offers permessage-deflate. */
  readonly deflate: boolean;
}

/** One connection, as cheap as possible: it counts what it receives and parses nothing. */
export class Client implements FrameSink, Receiver {
  /** States and updates that came, and the bytes of both. */
  states = 0;
  updatesRead = 0;
  bytes = 0;
  writer: Writer | undefined;
  /** Called when something was read. */
  onRead: (() => void) | undefined;
  readonly #index: number;
  readonly #dialect: Dialect;
  readonly #shared: Shared;
  readonly #reader = new FrameReader(this);
  readonly #socket: Socket;
  #handshake: Buffer | undefined = Buffer.alloc(0);
  /** That of the last update. */
  #turn = 0;

  private constructor(index: number, shared: Shared, { dialect, port, host }: OpenOptions) {
    this.#index = index;
    this.#dialect = dialect;
    this.#shared = shared;
    this.#socket = connect({
      port,
      host,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#receive(readBuffer.subarray(0, length));
          return true;
        },
      },
    });
  }

  /** Opens a WebSocket. @throws When the server does not let it in. */
  static async open(index: number, shared: Shared, options: OpenOptions): Promise<Client> {
    const client = new Client(index, shared, options);
    await client.#upgrade(options.token, options.deflate);
    if (options.dialect.greeting !== undefined) client.send(options.dialect.greeting);
    return client;
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** It shows its own write, the one of this number: the server doesn't send it (ECHO1). */
  wrote(number: number): void {
    this.#shared.ledger?.wrote(this.#index, number);
  }

  /** Resolves when `done` holds after something was read. @param what For the error when it takes too long. */
  async readUntil(what: string, done: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what} did not come`)), 120_000);
      this.onRead = () => {
        if (!done()) return;
        clearTimeout(timer);
        this.onRead = undefined;
        resolve();
      };
    });
  }

  frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === this.#dialect.opcode) this.#dialect.read(this, bytes, start, end);
    else if (opcode === OPCODE_PING) this.send(pongFrame(bytes.subarray(start, end)));
    else if (opcode === OPCODE_CLOSE) this.#shared.firstError ||= `closed: ${bytes.toString('utf8', start + 2, end)}`;
  }

  compressedFrame(bytes: Buffer, start: number, end: number): void {
    const inflated = this.#shared.inflater.inflate(bytes.subarray(start, end));
    this.frame(this.#dialect.opcode, inflated, 0, inflated.length);
  }

  state(bytes: number): void {
    this.bytes += bytes;
    this.states++;
  }

  updates(bytes: Buffer, start: number, end: number, turn: number, isOne: boolean): void {
    const { tally, ledger, now, markOffset } = this.#shared;
    this.bytes += end - start;
    tally.updateFrames++;
    tally.updateBytes += end - start;
    if (this.#index === 0) this.#countTurn(turn);
    let at = findMark(bytes, start, end, start + markOffset);
    this.#shared.markOffset = at - start;
    while (at !== -1) {
      tally.updates++;
      this.updatesRead++;
      tally.fanout.record(Math.max(1, now - timeOfMark(bytes, at)));
      ledger?.received(this.#index, numberOfMark(bytes, at));
      if (isOne) return;
      at = findMark(bytes, at + MARK_BYTES, end, -1);
    }
  }

  ack(bytes: Buffer, start: number, end: number): void {
    const { tally, now } = this.#shared;
    tally.acks++;
    const at = findMark(bytes, start, end, -1);
    if (at !== -1) tally.ack.record(Math.max(1, now - timeOfMark(bytes, at)));
    this.writer?.acked();
  }

  error(text: string): void {
    this.#shared.tally.errors++;
    this.#shared.firstError ||= text;
  }

  longFrame(first: number, length: number): void {
    this.bytes += length;
    if (first === typeCodes.sync_response) this.states++;
  }

  #receive(chunk: Buffer): void {
    this.#shared.now = microsecondsNow();
    this.#shared.tally.wireBytes += chunk.length;
    if (this.#handshake === undefined) this.#reader.read(chunk);
    else this.#finishUpgrade(Buffer.concat([this.#handshake, chunk]));
    this.writer?.flush();
    this.onRead?.();
  }

  async #upgrade(token: string | undefined, deflate: boolean): Promise<void> {
    const path = token === undefined ? this.#dialect.path : `${this.#dialect.path}?token=${token}`;
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n' +
        `${deflate ? 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n' : ''}\r\n`,
    );
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the connection was not accepted in time')), OPEN_TIMEOUT_MS);
      this.onRead = () => {
        if (this.#handshake !== undefined) return;
        clearTimeout(timer);
        this.onRead = undefined;
        resolve();
      };
      this.#socket.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
    this.#socket.on('close', () => {
      this.#shared.disconnected++;
    });
  }

  #finishUpgrade(received: Buffer): void {
    const end = received.indexOf('\r\n\r\n');
    this.#handshake = received;
    if (end === -1) return;
    if (!received.toString('latin1', 0, end).startsWith('HTTP/1.1 101')) {
      this.#socket.destroy(new Error(`not upgraded: ${received.toString('latin1', 0, end)}`));
      return;
    }
    this.#handshake = undefined;
    if (received.length > end + 4) this.#reader.read(received.subarray(end + 4));
  }

  #countTurn(turn: number): void {
    const { tally } = this.#shared;
    tally.turnFrames++;
    if (turn === this.#turn) return;
    this.#turn = turn;
    tally.turns++;
  }
}
