import { claimsJson, isClaim, type Claims } from './claims.js';
import { errors, type ErrorCode } from '../errors.js';
import { ByteWriter } from './byte-writer.js';
import { typeCodes, type MessageType } from './codes.js';

/** How a connection wants its frames. */
export type Encoding = 'binary' | 'json';

/**
 * Frames are built from a *body*: the JSON of all fields but `type` and `timestamp`, without braces, such as
 * `"id":"1","documentId":"a"`. One body serves both encodings.
 */
export type Body = string;

/** A quoted JSON string. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/**
 * Opens a frame in the writer; what is appended until `closeFrame` is its body.
 *
 * @param timestamp Milliseconds since the epoch.
 * @returns What `closeFrame` needs: the place of the payload's length in the writer, or -1 for JSON, which has none.
 */
export function openFrame(writer: ByteWriter, type: MessageType, timestamp: number, encoding: Encoding): number {
  if (encoding === 'json') {
    writer.text(`{"type":"${type}","timestamp":${timestamp},`);
    return -1;
  }
  writer.u8(typeCodes[type]);
  writer.int64BE(timestamp);
  const hole = writer.hole32();
  writer.u8(0x7b);
  return hole;
}

/**
 * Closes a frame, and fills in the length of its payload.
 *
 * @param opened As `openFrame` returned it.
 */
export function closeFrame(writer: ByteWriter, opened: number): void {
  writer.u8(0x7d);
  if (opened >= 0) writer.fill32BE(opened, writer.length - opened - 4);
}

/**
 * A whole frame in bytes of its own: for `binary` 13 bytes of header and the payload (docs/protocol.md, "Frames"), for `json`
 * UTF-8 text.
 *
 * @param timestamp Milliseconds since the epoch.
 */
export function encodeFrame(
  type: MessageType,
  body: Body,
  timestamp: number,
  encoding: Encoding,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(64 + body.length * 3);
  writeFrame(writer, type, body, timestamp, encoding);
  return writer.finish();
}

/** Appends a whole frame, as `encodeFrame` makes it. */
export function writeFrame(
  writer: ByteWriter,
  type: MessageType,
  body: Body,
  timestamp: number,
  encoding: Encoding,
): void {
  const opened = openFrame(writer, type, timestamp, encoding);
  writer.text(body);
  closeFrame(writer, opened);
}

/** Body of `ack`. @param messageId The id of what is acknowledged. */
export function ackBody(id: string, messageId: string): Body {
  return `"id":${quote(id)},"messageId":${quote(messageId)}`;
}

/** What an error message says besides its sentence; never payload. */
export interface ErrorDetails {
  readonly documentId?: string | undefined;
  readonly messageId?: string | undefined;
  /** When the same message is within the limit, in ms from now. */
  readonly retryAfterMs?: number | undefined;
}

/** Body of `error`. @param sentence Begins with the sentence of the code. */
export function errorBody(
  id: string,
  code: ErrorCode,
  details: ErrorDetails,
  sentence: string = errors[code].sentence,
): Body {
  return `"id":${quote(id)},"error":${quote(sentence)},"details":${JSON.stringify({ code, ...details })}`;
}

/** A field with its value as JSON text and the clock that makes clients take it. */
export interface FieldUpdate {
  readonly field: string;
  /** JSON text. */
  readonly value: string;
  /** This node's L: greater than any sent for the document before. */
  readonly server: number;
  /** Client id of who wrote it, and the stamp of that write. */
  readonly writer: string;
  readonly stamp: number;
  /** The entries `#` and `#+`; undefined where the clock claims nothing. */
  readonly claims?: Claims | undefined;
}

/** Client ids that are given L too: their own counters rise to it. */
export type Lifted = readonly string[];

const nobody: Lifted = [];

/** `{"server": L, "<writer>": stamp}` with the claims; `lifted` names one more id that is given L, and `others` a few. */
export function clockJson(update: FieldUpdate, lifted?: string, others: Lifted = nobody): string {
  const { server, writer, stamp, claims } = update;
  let clock = `{"server":${server}${claims === undefined ? '' : claimsJson(claims)}`;
  if (writer !== 'server' && writer !== lifted && !isClaim(writer)) clock += `,${quote(writer)}:${stamp}`;
  if (lifted !== undefined && lifted !== 'server') clock += `,${quote(lifted)}:${server}`;
  for (const other of others) if (other !== writer) clock += `,${quote(other)}:${server}`;
  return clock + '}';
}

/**
 * Body of a `delta` that carries one field.
 *
 * @param documentId Needs no escapes in JSON.
 * @param lifted See `clockJson`, as `others`.
 */
export function deltaBody(id: string, documentId: string, update: FieldUpdate, lifted?: string, others?: Lifted): Body {
  return `"id":${quote(id)},"documentId":"${documentId}","field":${quote(update.field)},"value":${update.value},"clock":${clockJson(update, lifted, others)},"clientId":"server"`;
}

/**
 * One entry of `deltas` in a `delta_batch` or a `sync_response`, as JSON text.
 *
 * @param documentId Needs no escapes in JSON.
 * @param timestamp Milliseconds since the epoch.
 */
export function batchEntry(
  documentId: string,
  update: FieldUpdate,
  timestamp: number,
  lifted?: string,
  others?: Lifted,
): string {
  return `{"type":"set","documentId":"${documentId}","field":${quote(update.field)},"value":${update.value},"clock":${clockJson(update, lifted, others)},"clientId":"server","timestamp":${timestamp}}`;
}

/** Body of a `delta_batch` of entries made by `batchEntry`. */
export function batchBody(id: string, documentId: string, entries: readonly string[]): Body {
  return `"id":${quote(id)},"documentId":"${documentId}","deltas":[${entries.join(',')}]`;
}
