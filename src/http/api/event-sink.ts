/** Writes server-sent events into the answer to a request. */
import type { HttpResponse } from 'uWebSockets.js';
import { dataPolicy, securityHeaders } from '../answer.js';
import { ByteQueue } from './byte-queue.js';

type Header = readonly [name: string, value: string];

export interface EventSinkOptions {
  readonly response: HttpResponse;
  /** Besides those that each answer has. */
  readonly headers: readonly Header[];
  readonly heartbeatMs: number;
  /** Some of what waited was written. @param waitingBytes That are left. */
  readonly onDrained: (waitingBytes: number) => void;
  /** The answer has ended, by the server. */
  readonly onEnd: () => void;
}

/** Clients come back after so long, in ms, each after another time: not all at once when a node ends. */
const RETRY_MS = { least: 1_000, most: 4_000 };
const newLines = Buffer.from('\n\n');
const heartbeat = Buffer.from(':\n\n');

/**
 * Bytes that are given to uWebSockets at once. It keeps all of what it is given and tells nobody how much that is, so it
 * gets the next only when it has none left.
 */
const PIECE_BYTES = 64 * 1024;

/** Begins with its first event. What the client does not take is kept here, and counted. */
export class EventSink {
  readonly #options: EventSinkOptions;
  readonly #waiting = new ByteQueue(PIECE_BYTES);
  #isStuck = false;
  #state: 'new' | 'open' | 'ended' = 'new';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EventSinkOptions) {
    this.#options = options;
  }

  /** Whether something was written, so that no other answer can be given. */
  get isBegun(): boolean {
    return this.#state !== 'new';
  }

  /**
   * @param id Where the client can resume; undefined to leave it as it is.
   * @param data One line, valid during the call only.
   * @returns Bytes that wait for the client.
   */
  write(event: string, id: string | undefined, data: Uint8Array): number {
    if (this.#state === 'ended') return 0;
    const head = `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: `;
    this.#options.response.cork(() => {
      if (this.#state === 'new') this.#begin();
      this.#put(Buffer.from(head));
      this.#put(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      this.#put(newLines);
    });
    this.#timer?.refresh();
    return this.#waiting.bytes;
  }

  /** Ends the answer. */
  end(): void {
    if (this.#state === 'ended') return;
    const { response, onEnd } = this.#options;
    this.close();
    response.cork(() => response.end(undefined, true));
    onEnd();
  }

  /** The client has gone: nothing more is written. */
  close(): void {
    this.#state = 'ended';
    clearInterval(this.#timer);
    this.#waiting.clear();
  }

  #begin(): void {
    this.#state = 'open';
    const { response, headers, heartbeatMs } = this.#options;
    response.writeStatus('200 OK');
    for (const [name, value] of [...securityHeaders, ...headers]) response.writeHeader(name, value);
    response.writeHeader('Content-Security-Policy', dataPolicy);
    response.writeHeader('Content-Type', 'text/event-stream');
    // Of nginx.
    response.writeHeader('X-Accel-Buffering', 'no');
    const retry = RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least);
    response.write(`retry: ${Math.round(retry)}\n\n`);
    response.onWritable(() => this.#drain());
    this.#timer = setInterval(() => {
      if (!this.#isStuck)
        this.#options.response.cork(() => {
          this.#put(heartbeat);
        });
    }, heartbeatMs);
  }

  #put(bytes: Buffer): void {
    let written = 0;
    while (!this.#isStuck && written < bytes.length) {
      const piece = bytes.subarray(written, written + PIECE_BYTES);
      written += piece.length;
      this.#isStuck = !this.#options.response.write(piece);
    }
    this.#waiting.add(bytes.subarray(written));
  }

  /** The socket takes more. @returns Whether nothing is left. */
  #drain(): boolean {
    if (this.#state !== 'open') return true;
    this.#isStuck = false;
    while (!this.#isStuck && this.#waiting.bytes > 0) {
      this.#isStuck = !this.#options.response.write(this.#waiting.shift());
    }
    this.#options.onDrained(this.#waiting.bytes);
    return !this.#isStuck;
  }
}
