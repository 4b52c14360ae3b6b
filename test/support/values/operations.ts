/** Parses the operations of a message as a shard does. */
import assert from 'node:assert/strict';
import { ProtocolError, type ErrorCode } from '../../../src/errors.js';
import { parseMessage } from '../../../src/protocol/message.js';
import { parseOperations, type Operations, type SetOperation } from '../../../src/protocol/operations.js';

/** The time in the header of each message, milliseconds since the epoch. */
export const HEADER_TIME = 1_000;

/** How deep values may be nested. */
export const MAX_DEPTH = 3;

/** The operations of a message whose payload is this text (or this value, as JSON), routed by document `d`. */
export function parseAll(type: 'delta' | 'delta_batch', payload: unknown): Operations {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const head = { kind: 'frame', type, form: 'binary', timestamp: HEADER_TIME, start: 0, end: bytes.length } as const;
  return parseOperations(parseMessage(bytes, head), 'd', MAX_DEPTH);
}

/** Its writes of fields. */
export function parse(type: 'delta' | 'delta_batch', payload: unknown): readonly SetOperation[] {
  return parseAll(type, payload).sets;
}

/** The code by which it is refused, if it is. */
export function codeOf(type: 'delta' | 'delta_batch', payload: unknown): ErrorCode | 'applied' {
  try {
    parse(type, payload);
    return 'applied';
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return error.code;
  }
}

/** A write of 1 without a clock and a client. */
export const plain = {
  value: '1',
  deleted: false,
  timestamp: HEADER_TIME,
  counter: undefined,
  clockMax: 0,
  clientId: undefined,
};
