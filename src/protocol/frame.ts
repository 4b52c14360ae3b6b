import { ObjectScan } from './json/json-scan.js';
import { clientTypeOfCode, clientTypeOfName, type ClientType } from './codes.js';
import type { ErrorCode } from '../errors.js';

/** Bytes before the payload of a binary frame: type (1), timestamp (8), payload length (4). */
export const HEADER_BYTES = 13;

/** What the head of a frame says; the payload has not been parsed. */
export interface FrameHead {
  readonly kind: 'frame';
  readonly type: ClientType;
  /** Whether the message is JSON text as a whole (`type` and `timestamp` inside) or a payload behind a binary header. */
  readonly form: 'json' | 'binary';
  /** Milliseconds since the epoch; NaN when it must be taken from the JSON text. */
  readonly timestamp: number;
  /** Range of the JSON object in the bytes given; `end` is the first byte after it. */
  readonly start: number;
  readonly end: number;
}

/** A frame that can't be routed, and the code to refuse it with. */
export interface FrameFault {
  readonly kind: 'fault';
  readonly code: ErrorCode;
}

const invalid: FrameFault = { kind: 'fault', code: 'INVALID_MESSAGE' };
const unknown: FrameFault = { kind: 'fault', code: 'UNKNOWN_TYPE' };

/**
 * Reads the type of a frame, and where its JSON lies, without parsing it. Text frames, and binary ones that begin with
 * `{`, are JSON messages.
 *
 * @param bytes A whole WebSocket message.
 * @param text Whether it came as a text frame.
 * @param scan Is used, and keeps a reference to the bytes until it is used again.
 */
export function readHead(bytes: Buffer, text: boolean, scan: ObjectScan): FrameHead | FrameFault {
  return text || bytes[0] === 0x7b ? readJsonHead(bytes, scan) : readBinaryHead(bytes);
}

function readBinaryHead(bytes: Buffer): FrameHead | FrameFault {
  if (bytes.length < HEADER_BYTES) return invalid;
  const length = bytes.readUInt32BE(9);
  if (bytes.length < HEADER_BYTES + length) return invalid;
  const type = clientTypeOfCode(bytes[0] ?? 0);
  if (type === undefined) return unknown;
  const timestamp = bytes.readInt32BE(1) * 0x1_0000_0000 + bytes.readUInt32BE(5);
  return { kind: 'frame', type, form: 'binary', timestamp, start: HEADER_BYTES, end: HEADER_BYTES + length };
}

function readJsonHead(bytes: Buffer, scan: ObjectScan): FrameHead | FrameFault {
  if (!scan.reset(bytes, 0, bytes.length)) return invalid;
  while (scan.next()) {
    if (!scan.keyIs('type')) continue;
    const name = scan.stringValue();
    if (name === undefined) return invalid;
    const type = clientTypeOfName(name);
    if (type === undefined) return unknown;
    return { kind: 'frame', type, form: 'json', timestamp: NaN, start: 0, end: bytes.length };
  }
  return invalid;
}

/**
 * The first string of this key in a message: at the top level, or inside `payload` of a JSON frame. A hint to route
 * by: what the whole text says is decided where it is parsed.
 *
 * @param bytes Those that `head` was read from.
 * @returns Undefined when there is none, or the text is not JSON up to it.
 */
export function scanString(bytes: Buffer, head: FrameHead, key: string, scan: ObjectScan): string | undefined {
  if (!scan.reset(bytes, head.start, head.end)) return undefined;
  let inner: { start: number; end: number } | undefined;
  while (scan.next()) {
    if (scan.keyIs(key)) return scan.stringValue();
    if (head.form === 'json' && inner === undefined && scan.keyIs('payload') && scan.isObject()) {
      inner = { start: scan.valueStart, end: scan.valueEnd };
    }
  }
  if (inner === undefined || !scan.reset(bytes, inner.start, inner.end)) return undefined;
  while (scan.next()) if (scan.keyIs(key)) return scan.stringValue();
  return undefined;
}

/** What an error says of the message that it answers, as far as it can be found without parsing. */
export interface Names {
  documentId?: string | undefined;
  /** By which the message would be acknowledged. */
  messageId?: string | undefined;
}

/** Both names, in one pass over the message and one over its `payload`. */
export function scanNames(bytes: Buffer, head: FrameHead, scan: ObjectScan): Names {
  const found: Names & { id?: string | undefined } = {};
  if (!scan.reset(bytes, head.start, head.end)) return found;
  let inner: readonly [number, number] | undefined;
  const look = (): void => {
    if (scan.keyIs('documentId')) found.documentId ??= scan.stringValue();
    else if (scan.keyIs('messageId')) found.messageId ??= scan.stringValue();
    else if (scan.keyIs('id')) found.id ??= scan.stringValue();
  };
  while (scan.next()) {
    look();
    if (head.form === 'json' && inner === undefined && scan.keyIs('payload') && scan.isObject()) {
      inner = [scan.valueStart, scan.valueEnd];
    }
  }
  if (inner !== undefined && scan.reset(bytes, ...inner)) while (scan.next()) look();
  return { documentId: found.documentId, messageId: found.messageId ?? found.id };
}

/** The id by which a message is acknowledged, as far as it can be found without parsing. */
export function scanMessageId(bytes: Buffer, head: FrameHead, scan: ObjectScan): string | undefined {
  return scanNames(bytes, head, scan).messageId;
}
