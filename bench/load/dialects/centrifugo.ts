/** Centrifugo's JSON protocol: lines of JSON in text frames, a channel for each document, and a publication for each write. */
import { OPCODE_TEXT, webSocketFrame, type DeltaOptions, type Template } from '../frames.js';
import { EMPTY_MARK, MARK_BYTES, microsecondsNow, writeDigits, writeMark } from '../mark.js';
import type { Dialect, Receiver } from './dialect.js';

const NEWLINE = 0x0a;
const TILDE = 0x7e;
const FIELD_DIGITS = 4;
const NO_FIELD = '0'.repeat(FIELD_DIGITS);
/** Of each command; the load tells replies apart by what they hold. */
const ID = 1;

const pong = lineFrame({});

export const centrifugo: Dialect = {
  path: '/connection/websocket',
  opcode: OPCODE_TEXT,
  greeting: lineFrame({ id: ID, connect: {} }),
  subscribe: (documentId) => lineFrame({ id: ID, subscribe: { channel: documentId } }),
  writes: (options) => new PublishTemplate(options),
  read(receiver, bytes, start, end) {
    let from = start;
    while (from < end) {
      const newline = bytes.indexOf(NEWLINE, from);
      const to = newline === -1 || newline > end ? end : newline;
      readLine(receiver, bytes, from, to);
      from = to + 1;
    }
  },
};

function readLine(receiver: Receiver, bytes: Buffer, start: number, end: number): void {
  const mark = bytes.indexOf(TILDE, start);
  if (mark !== -1 && mark < end) {
    receiver.updates(bytes, start, end, 0, true);
    return;
  }
  const line = bytes.toString('latin1', start, end);
  if (line === '{}') receiver.send(pong);
  else if (line.includes('"publish":')) receiver.ack(bytes, start, end);
  else if (line.includes('"subscribe":')) receiver.state(end - start);
  else if (line.includes('"error":') || line.includes('"disconnect":')) receiver.error(line);
}

/** Makes publications that hold what a `delta` holds, by filling numbers into a copy of the same bytes. */
class PublishTemplate implements Template {
  readonly #bytes: Buffer;
  readonly #fields: number;
  readonly #field: number;
  readonly #value: number;
  #count = 0;

  constructor({ documentId, writer, fields, valueBytes }: DeltaOptions) {
    const data = { field: `${writer}-${NO_FIELD}`, value: EMPTY_MARK.padEnd(Math.max(valueBytes, MARK_BYTES), 'x') };
    this.#bytes = lineFrame({ id: ID, publish: { channel: documentId, data } });
    this.#fields = fields;
    this.#field = this.#bytes.indexOf('","value"') - FIELD_DIGITS;
    this.#value = this.#bytes.indexOf(EMPTY_MARK);
  }

  frames(count: number, first: number): Buffer {
    return Buffer.concat(
      Array.from({ length: count }, (_, i) => {
        const frame = Buffer.from(this.#bytes);
        writeDigits(frame, this.#field, FIELD_DIGITS, ++this.#count % this.#fields);
        writeMark(frame, this.#value, microsecondsNow(), first + i);
        return frame;
      }),
    );
  }
}

function lineFrame(command: object): Buffer {
  return webSocketFrame(OPCODE_TEXT, Buffer.from(JSON.stringify(command)));
}
