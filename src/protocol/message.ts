import { ProtocolError } from '../errors.js';
import { clientTypeOfName, type ClientType } from './codes.js';
import type { FrameHead } from './frame.js';

/** A parsed message: its type and its fields, `payload` flattened and `type` removed. */
export interface Fields {
  readonly [key: string]: unknown;
}

export interface Message {
  readonly type: ClientType;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly fields: Fields;
}

/**
 * Parses a whole message.
 *
 * @throws ProtocolError INVALID_MESSAGE when it is not JSON or lacks what a JSON frame must have, UNKNOWN_TYPE.
 */
export function parseMessage(bytes: Buffer, head: FrameHead): Message {
  const parsed = parseObject(bytes.toString('utf8', head.start, head.end));
  if (head.form === 'binary') return { type: head.type, timestamp: head.timestamp, fields: parsed };

  const { type: name, payload, ...rest } = parsed;
  const { id, timestamp } = rest;
  if (typeof name !== 'string' || typeof id !== 'string' || typeof timestamp !== 'number') {
    throw new ProtocolError('INVALID_MESSAGE', 'type, id and timestamp are required');
  }
  const type = clientTypeOfName(name);
  if (type === undefined) throw new ProtocolError('UNKNOWN_TYPE');
  return { type, timestamp, fields: isFields(payload) ? flatten(payload, rest, id) : rest };
}

/** The fields of `payload` join the message's; what names the message (`type`, `id`) stays the message's own. */
function flatten(payload: Fields, rest: Fields, id: string): Fields {
  const inner: Record<string, unknown> = { ...payload };
  delete inner['type'];
  return { ...rest, ...inner, id };
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError('INVALID_MESSAGE');
  }
  if (!isFields(value)) throw new ProtocolError('INVALID_MESSAGE');
  return value;
}

/** Whether a parsed JSON value is an object (not null, not an array). */
export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id by which the message is acknowledged: its `messageId`, else its `id`. */
export function messageIdOf(fields: Fields): string | undefined {
  const { messageId, id } = fields;
  if (typeof messageId === 'string') return messageId;
  return typeof id === 'string' ? id : undefined;
}

/**
 * A vector clock, or undefined when there is none or it has no entries.
 *
 * @throws ProtocolError INVALID_MESSAGE when an entry is not a count.
 */
export function parseVector(value: unknown): ReadonlyMap<string, number> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isFields(value)) throw new ProtocolError('INVALID_MESSAGE', 'a vector clock must be an object');
  const vector = new Map<string, number>();
  for (const [clientId, count] of Object.entries(value)) {
    if (!isCount(count)) throw new ProtocolError('INVALID_MESSAGE', 'clock entries must be non-negative integers');
    vector.set(clientId, count);
  }
  return vector.size === 0 ? undefined : vector;
}

/** Whether a value may stand in a clock: a whole number that is not negative, exact as a double. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
