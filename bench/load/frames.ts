/** Frames that clients send, with their WebSocket header: masked with zero, so the payload is unchanged. */
import { typeCodes, type MessageType } from '../../src/protocol/codes.js';
import { HEADER_BYTES } from '../../src/protocol/frame.js';
import { EMPTY_MARK, MARK_BYTES, microsecondsNow, writeDigits, writeMark } from './mark.js';

export const OPCODE_TEXT = 1;
export const OPCODE_BINARY = 2;
const OPCODE_PONG = 10;

/** A whole frame of the SyncKit protocol. */
export function messageFrame(type: MessageType, payload: object): Buffer {
  return synckitFrame(type, JSON.stringify(payload));
}

/** The answer to a ping. */
export function pongFrame(payload: Uint8Array): Buffer {
  return webSocketFrame(OPCODE_PONG, payload);
}

function synckitFrame(type: MessageType, json: string): Buffer {
  const payload = Buffer.alloc(HEADER_BYTES + Buffer.byteLength(json));
  payload[0] = typeCodes[type];
  payload.writeBigInt64BE(BigInt(Date.now()), 1);
  payload.writeUInt32BE(payload.length - HEADER_BYTES, 9);
  payload.write(json, HEADER_BYTES);
  return webSocketFrame(OPCODE_BINARY, payload);
}

/** A whole frame. */
export function webSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([webSocketHeader(opcode, payload.length), payload]);
}

/** The header of a payload of this length. */
export function webSocketHeader(opcode: number, length: number): Buffer {
  const sizeBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(6 + sizeBytes);
  header[0] = 0x80 | opcode;
  header[1] = 0x80 | (sizeBytes === 0 ? length : sizeBytes === 2 ? 126 : 127);
  if (sizeBytes === 2) header.writeUInt16BE(length, 2);
  if (sizeBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

/** Makes the frames of one writer, one after the other. */
export interface Template {
  /** The next frames in one piece. @param first Number of the first write within its document. */
  frames(count: number, first: number): Buffer;
}

/** Digits of a field's number, and of the entry in the clock: both have the same length in every frame. */
const FIELD_DIGITS = 4;
const CLOCK_DIGITS = 16;
const FIRST_CLOCK = 1_000_000_000_000_000;
/** Ticks of the server's stamps (docs/protocol.md) in a millisecond. */
const TICKS_PER_MS = 1_024;

export interface DeltaOptions {
  readonly documentId: string;
  /** The client id of the writer. */
  readonly writer: string;
  /** Fields that it writes in turn, at most 10 000. */
  readonly fields: number;
  /** Length of the values, at least that of a mark. */
  readonly valueBytes: number;
}

/** Makes one writer's `delta` frames in the SDK's form, by filling numbers into a copy of the same bytes. */
export class DeltaTemplate implements Template {
  readonly #bytes: Buffer;
  readonly #fields: number;
  readonly #offsets: { readonly field: number; readonly value: number; readonly clock: number; readonly id: number };
  #count = 0;

  constructor({ documentId, writer, fields, valueBytes }: DeltaOptions) {
    this.#fields = fields;
    this.#bytes = messageFrame('delta', {
      documentId,
      field: `${writer}-${'0'.repeat(FIELD_DIGITS)}`,
      value: EMPTY_MARK.padEnd(valueBytes, 'x'),
      clock: { [writer]: FIRST_CLOCK },
      clientId: writer,
      messageId: EMPTY_MARK,
    });
    const value = this.#bytes.indexOf(EMPTY_MARK);
    this.#offsets = {
      field: this.#bytes.indexOf('","value"') - FIELD_DIGITS,
      value,
      clock: this.#bytes.indexOf(`:${FIRST_CLOCK}`) + 1,
      id: this.#bytes.indexOf(EMPTY_MARK, value + MARK_BYTES),
    };
  }

  /** Length of a frame, the WebSocket header included. Bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  frames(count: number, first: number): Buffer {
    const frames = Buffer.allocUnsafe(count * this.length);
    for (let i = 0; i < count; i++) this.writeTo(frames, i * this.length, first + i);
    return frames;
  }

  /**
   * Writes the next delta at `at` of a buffer.
   *
   * @param number Of the write within its document.
   */
  writeTo(target: Buffer, at: number, number: number): void {
    const { field, value, clock, id } = this.#offsets;
    const time = microsecondsNow();
    const count = ++this.#count;
    target.set(this.#bytes, at);
    writeHeaderTime(target, at, Math.floor(time / 1_000), this.#bytes.length);
    writeDigits(target, at + field, FIELD_DIGITS, count % this.#fields);
    // As of a client whose counter an echo has raised: it shows what it writes, and is sent none of it (ECHO1).
    writeDigits(target, at + clock, CLOCK_DIGITS, Math.floor(time / 1_000) * TICKS_PER_MS + (count % TICKS_PER_MS));
    writeMark(target, at + value, time, number);
    writeMark(target, at + id, time, number);
  }
}

/** The timestamp of the SyncKit header, after a WebSocket header whose length follows from the frame's. */
function writeHeaderTime(target: Buffer, at: number, milliseconds: number, frameBytes: number): void {
  const header = frameBytes - 6 < 126 ? 6 : frameBytes - 8 < 65_536 ? 8 : 14;
  const high = Math.floor(milliseconds / 0x1_0000_0000);
  target.writeInt32BE(high, at + header + 1);
  target.writeUInt32BE(milliseconds - high * 0x1_0000_0000, at + header + 5);
}
