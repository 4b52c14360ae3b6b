import { ProtocolError } from '../errors.js';
import { isClaim } from './claims.js';
import { isCount } from './clock.js';
import type { Fields, Key } from './fields.js';
import type { JsonValue } from './json/json-source.js';
import type { Message } from './message.js';

/** Longest field name in bytes of UTF-8; databases bound their keys. */
export const MAX_FIELD_BYTES = 1024;

/** The value that removes a field, as it is stored and sent. */
export const DELETED_VALUE = '{"__deleted":true}';

/** One write of one field, in the form that all ways of writing it come down to. */
export interface SetOperation {
  readonly field: string;
  /** JSON text as it came, without white space outside of strings; DELETED_VALUE for a removal. */
  readonly value: string;
  readonly deleted: boolean;
  /** Milliseconds since the epoch, as the writer says. */
  readonly timestamp: number;
  /** The writer's own entry in the operation's clock, if it has one. */
  readonly counter: number | undefined;
  /** Largest entry of the operation's clock, 0 without one. */
  readonly clockMax: number;
  readonly clientId: string | undefined;
}

/** The whole state of a client's collaborative text. */
export interface TextOperation {
  /** JSON text as it stood between the quotes of the string that carried it, not looked at yet; a view of the message. */
  readonly state: Buffer;
  readonly clientId: string | undefined;
  /** As JSON text; what a kind of client sends, a number or a vector clock, is what it understands. */
  readonly clock: string | undefined;
  /** Largest entry of the clock, 0 without one. */
  readonly clockMax: number;
}

/** What a message asks for. */
export interface Operations {
  readonly sets: readonly SetOperation[];
  readonly texts: readonly TextOperation[];
  /** Entries for the document's other subscribers, as JSON text: sent on once and not kept. */
  readonly relays: readonly string[];
}

/**
 * The operations of a `delta` or `delta_batch`.
 *
 * @param documentId The document the message was routed by; operations that name another are refused.
 * @param maxDepth Arrays and objects that may be around each other in a value.
 * @throws ProtocolError INVALID_DELTA, PERMISSION_DENIED; nothing of the message may be applied then.
 */
export function parseOperations(
  { type, timestamp, fields }: Message,
  documentId: string,
  maxDepth: number,
): Operations {
  checkDocument(fields, documentId);
  if (type === 'delta_batch') return parseBatch(fields, timestamp, documentId, maxDepth);
  const delta = fields.delta();
  const sets =
    delta === undefined ? [parseSet(fields, timestamp, maxDepth)] : parseServerForm(fields, delta, timestamp, maxDepth);
  return { sets, texts: [], relays: [] };
}

function parseBatch(fields: Fields, timestamp: number, documentId: string, maxDepth: number): Operations {
  const deltas = fields.deltas();
  if (deltas === undefined) throw new ProtocolError('INVALID_DELTA', 'deltas must be an array');
  const sets: SetOperation[] = [];
  const texts: TextOperation[] = [];
  const relays: string[] = [];
  for (const entry of deltas) {
    if (entry === undefined) throw new ProtocolError('INVALID_DELTA', 'an operation must be an object');
    checkDocument(entry, documentId);
    if (entry.has('field')) {
      sets.push(parseSet(entry, timestamp, maxDepth));
      continue;
    }
    switch (entry.text('type')) {
      case 'text-state':
        texts.push(parseText(entry));
        break;
      // Counters, sets and the former kind of text: operations, of which nobody here knows the state.
      case 'text':
      case 'counter':
      case 'set':
        // The operation is around the values in it.
        relays.push(shallow(entry.whole(), maxDepth + 1).json);
        break;
      default: // such as rich text's formats, which never leave their client
    }
  }
  return { sets, texts, relays };
}

function parseText(entry: Fields): TextOperation {
  const state = entry.content('state');
  if (state === undefined) throw new ProtocolError('INVALID_DELTA', 'the state of a text must be a string');
  const clientId = parseClientId(entry);
  const { clockMax } = parseClock(entry, 'clock', clientId);
  return { state, clientId, clock: entry.isNothing('clock') ? undefined : entry.value('clock')?.json, clockMax };
}

/** `delta {field: value, …}` with one `vectorClock` for all of them. */
function parseServerForm(
  fields: Fields,
  delta: ReadonlyMap<string, JsonValue>,
  timestamp: number,
  maxDepth: number,
): SetOperation[] {
  const clientId = parseClientId(fields);
  const { counter, clockMax } = parseClock(fields, fields.isNothing('vectorClock') ? 'clock' : 'vectorClock', clientId);
  return Array.from(delta, ([field, sent]) => {
    const { json, removal } = shallow(sent, maxDepth);
    const value = removal ? DELETED_VALUE : json;
    return { field: checkField(field), value, deleted: removal, timestamp, counter, clockMax, clientId };
  });
}

/** The SDK's form: one `field` with its `value` and `clock`; `type: "delete"` needs no value. */
function parseSet(fields: Fields, timestamp: number, maxDepth: number): SetOperation {
  const clientId = parseClientId(fields);
  const own = fields.number('timestamp');
  const value = parseValue(fields, maxDepth);
  const { counter, clockMax } = parseClock(fields, fields.isNothing('clock') ? 'vectorClock' : 'clock', clientId);
  return {
    field: checkField(fields.text('field')),
    value: value ?? DELETED_VALUE,
    deleted: value === undefined,
    timestamp: own !== undefined && own >= 0 ? own : timestamp,
    counter,
    clockMax,
    clientId,
  };
}

function checkDocument(fields: Fields, documentId: string): void {
  if (!fields.has('documentId') || fields.isText('documentId', documentId)) return;
  throw new ProtocolError('PERMISSION_DENIED', 'an operation names another document than its message');
}

/** @returns The name of a field. @throws ProtocolError INVALID_DELTA when it can be none. */
export function checkField(field: string | undefined): string {
  if (field === undefined) throw new ProtocolError('INVALID_DELTA', 'field must be a string');
  // A third of the bound in UTF-16 units can't be over it in bytes, so the count is rarely needed.
  if (field.length > MAX_FIELD_BYTES / 3 && Buffer.byteLength(field) > MAX_FIELD_BYTES) {
    throw new ProtocolError('INVALID_DELTA', `field names have at most ${MAX_FIELD_BYTES} bytes`);
  }
  if (!field.isWellFormed()) throw new ProtocolError('INVALID_DELTA', 'field names must be well-formed Unicode');
  return field;
}

function parseClientId(fields: Fields): string | undefined {
  if (fields.isNothing('clientId')) return undefined;
  const clientId = fields.text('clientId');
  // Nobody writes as the server.
  if (clientId === '' || clientId === 'server') return undefined;
  if (clientId === undefined || clientId.length > 256 || !clientId.isWellFormed()) {
    throw new ProtocolError('INVALID_DELTA', 'clientId must be a string of at most 256 characters');
  }
  if (isClaim(clientId)) throw new ProtocolError('INVALID_DELTA', 'this clientId is an entry of the server’s clocks');
  return clientId;
}

/** What is to be written, or undefined for a removal. */
function parseValue(fields: Fields, maxDepth: number): string | undefined {
  if (fields.isText('type', 'delete')) return undefined;
  const value = fields.value('value');
  if (value === undefined) throw new ProtocolError('INVALID_DELTA', 'value is missing');
  const { json, removal } = shallow(value, maxDepth);
  return removal ? undefined : json;
}

/** Checks how deep a value is nested: those who read it, databases too, take stack for each level. */
export function shallow(value: JsonValue, maxDepth: number): JsonValue {
  if (value.depth <= maxDepth) return value;
  throw new ProtocolError('INVALID_DELTA', `a value may be nested ${maxDepth} levels deep`);
}

function parseClock(
  fields: Fields,
  key: Key,
  clientId: string | undefined,
): { counter: number | undefined; clockMax: number } {
  if (fields.isNothing(key)) return { counter: undefined, clockMax: 0 };
  const clock = fields.number(key);
  if (isCount(clock)) return { counter: clock, clockMax: clock };
  const entries = fields.clock(key, clientId);
  if (entries !== undefined) return { counter: entries.counter, clockMax: entries.max };
  throw new ProtocolError('INVALID_DELTA', 'clock must be an object of non-negative integers');
}
