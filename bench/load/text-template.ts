import { typeCodes } from '../../src/protocol/codes.js';
import { HEADER_BYTES } from '../../src/protocol/frame.js';
import { OPCODE_BINARY, webSocketHeader, type Template } from './frames.js';
import { EMPTY_MARK, microsecondsNow, writeMark } from './mark.js';

const AUTHOR = 'client-0123456789';
const LETTERS = 'the quick brown fox, ';
/** The longest header of a WebSocket frame from a client. */
const WEB_SOCKET_BYTES = 14;
/** Bytes that the text may grow. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Makes the frames of a client that types: each is a batch with the whole text, in which there is one character more
 * than in the last. The characters are blocks of their own, as large as a text can get. The blocks stay where they are
 * in memory, so that a frame costs no more than its copy.
 */
export class TextTemplate implements Template {
  #bytes: Buffer;
  /** Where the next block goes. */
  #end: number;
  #blocks = 0;

  /** @param stateBytes Size of the first state, about. */
  constructor(documentId: string, stateBytes: number) {
    const head = `{"documentId":"${documentId}","deltas":[{"type":"text-state","documentId":"${documentId}","state":"`;
    this.#bytes = Buffer.alloc(WEB_SOCKET_BYTES + HEADER_BYTES + 2 * stateBytes + SPARE_BYTES);
    this.#end = WEB_SOCKET_BYTES + HEADER_BYTES;
    this.#append(head + escape('{"blocks":['));
    for (let size = 0; size < stateBytes;) size += this.#type();
  }

  frames(count: number, first: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#frame(first + i)));
  }

  #frame(number: number): Buffer {
    this.#type();
    const time = microsecondsNow();
    const tail = Buffer.from(this.#tail(Math.floor(time / 1_000)));
    // Who wrote a text is passed on to its subscribers, the id of the message to its sender.
    const byClient = tail.indexOf(EMPTY_MARK);
    writeMark(tail, byClient, time, number);
    writeMark(tail, tail.indexOf(EMPTY_MARK, byClient), time, number);
    const bytes = this.#roomFor(tail.length);
    bytes.set(tail, this.#end);
    const end = this.#end + tail.length;
    bytes[WEB_SOCKET_BYTES] = typeCodes.delta_batch;
    bytes.writeBigInt64BE(BigInt(Math.floor(time / 1_000)), WEB_SOCKET_BYTES + 1);
    bytes.writeUInt32BE(end - WEB_SOCKET_BYTES - HEADER_BYTES, WEB_SOCKET_BYTES + 9);
    const header = webSocketHeader(OPCODE_BINARY, end - WEB_SOCKET_BYTES);
    const start = WEB_SOCKET_BYTES - header.length;
    bytes.set(header, start);
    return bytes.subarray(start, end);
  }

  /** Adds a character; returns the bytes that the state grows by. */
  #type(): number {
    const clock = ++this.#blocks;
    const id = { client_id: AUTHOR, clock, offset: 0 };
    const left = clock === 1 ? null : { ...id, clock: clock - 1 };
    const text = LETTERS[clock % LETTERS.length];
    const block = JSON.stringify([id, { id, text, left_origin: left, right_origin: null, deleted: false }]);
    this.#append(`${clock === 1 ? '' : ','}${escape(block)}`);
    return block.length + 1;
  }

  #tail(now: number): string {
    const clock = this.#blocks;
    const state = escape(`],"clock":{"value":${clock}},"client_id":"${AUTHOR}"}`);
    const operation = `"clientId":"${EMPTY_MARK}","timestamp":${now},"clock":${clock}`;
    return `${state}",${operation}}],"isTextOperation":true,"messageId":"${EMPTY_MARK}"}`;
  }

  #append(ascii: string): void {
    this.#end += this.#roomFor(ascii.length).write(ascii, this.#end, 'latin1');
  }

  #roomFor(more: number): Buffer {
    const { length } = this.#bytes;
    if (this.#end + more > length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(length)]);
    return this.#bytes;
  }
}

/** JSON as content of a JSON string; it holds no backslashes. */
function escape(json: string): string {
  return json.replaceAll('"', '\\"');
}
