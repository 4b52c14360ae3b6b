import { ProtocolError } from '../errors.js';
import { isClaim } from './claims.js';
import { isCount } from './clock.js';
import { clientTypeOfName, type ClientType } from './codes.js';
import { Fields, type Key } from './fields.js';
import type { FrameHead } from './frame.js';
import type { LongStrings } from './json/long-string.js';
import { JsonFault } from './json/json-reader.js';

export interface Message {
  readonly type: ClientType;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** With those of `payload`, which come before the message's own. */
  readonly fields: Fields;
}

/**
 * Reads a whole message, whose bytes must not change while its fields are in use.
 *
 * @param strings For messages with very long strings, where there is something faster.
 * @throws ProtocolError INVALID_MESSAGE when it is not JSON or lacks what a JSON frame must have, UNKNOWN_TYPE.
 */
export function parseMessage(bytes: Buffer, head: FrameHead, strings?: LongStrings): Message {
  const fields = readFields(bytes, head, strings);
  if (head.form === 'binary') return { type: head.type, timestamp: head.timestamp, fields };

  const name = fields.text('type');
  const timestamp = fields.number('timestamp');
  if (name === undefined || timestamp === undefined || fields.text('id') === undefined) {
    throw new ProtocolError('INVALID_MESSAGE', 'type, id and timestamp are required');
  }
  const type = clientTypeOfName(name);
  if (type === undefined) throw new ProtocolError('UNKNOWN_TYPE');
  return { type, timestamp, fields: fields.flatten() };
}

function readFields(bytes: Buffer, { start, end }: FrameHead, strings?: LongStrings): Fields {
  try {
    return Fields.read(bytes, start, end, strings);
  } catch (error) {
    if (error instanceof JsonFault) throw new ProtocolError('INVALID_MESSAGE');
    throw error;
  }
}

/** The id by which the message is acknowledged: its `messageId`, else its `id`. */
export function messageIdOf(fields: Fields): string | undefined {
  return fields.text('messageId') ?? fields.text('id');
}

/** What a client has seen. */
export interface Vector {
  readonly entries: ReadonlyMap<string, number>;
  /** Of all entries, also of those that are left out. */
  readonly largest: number;
}

/**
 * A vector clock, or undefined when there is none or it has no entries. Of a long one only some entries are taken: who
 * is believed to have seen less is sent more.
 *
 * @param most Entries, besides those that stand for no single client.
 * @throws ProtocolError INVALID_MESSAGE when an entry is not a count.
 */
export function parseVector(fields: Fields, key: Key, most: number): Vector | undefined {
  if (fields.isNothing(key)) return undefined;
  if (!fields.isObject(key)) throw new ProtocolError('INVALID_MESSAGE', 'a vector clock must be an object');
  const entries = new Map<string, number>();
  let largest = 0;
  for (const [clientId, count] of fields.counts(key)) {
    if (!isCount(count)) throw new ProtocolError('INVALID_MESSAGE', 'clock entries must be non-negative integers');
    largest = Math.max(largest, count);
    if (entries.size < most || clientId === 'server' || isClaim(clientId)) entries.set(clientId, count);
  }
  return entries.size === 0 ? undefined : { entries, largest };
}
