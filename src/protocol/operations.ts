import { ProtocolError } from '../errors.js';
import { standIn } from './large-text.js';
import { isCount, isFields, type Fields, type Message } from './message.js';

/** Longest field name in bytes of UTF-8; databases bound their keys. */
export const MAX_FIELD_BYTES = 1024;

/** The value that removes a field, as it is stored and sent. */
export const DELETED_VALUE = '{"__deleted":true}';

/** One write of one field, in the form that all ways of writing it come down to. */
export interface SetOperation {
  readonly field: string;
  /** Compact JSON text; DELETED_VALUE for a removal. */
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
  /** JSON text, not looked at yet; as bytes, it is what stood between the quotes of the string that carried it. */
  readonly state: string | Buffer;
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
 * @param lifted The state for which `standIn` stands.
 * @throws ProtocolError INVALID_DELTA, PERMISSION_DENIED; nothing of the message may be applied then.
 */
export function parseOperations(message: Message, documentId: string, lifted?: Buffer): Operations {
  const { fields } = message;
  checkDocument(fields, documentId);
  if (message.type === 'delta_batch') return parseBatch(fields, message.timestamp, documentId, lifted);
  const sets = isFields(fields['delta'])
    ? parseServerForm(fields, fields['delta'], message.timestamp)
    : [parseSet(fields, message.timestamp)];
  return { sets, texts: [], relays: [] };
}

function parseBatch(fields: Fields, timestamp: number, documentId: string, lifted: Buffer | undefined): Operations {
  const { deltas } = fields;
  if (!Array.isArray(deltas)) throw new ProtocolError('INVALID_DELTA', 'deltas must be an array');
  const sets: SetOperation[] = [];
  const texts: TextOperation[] = [];
  const relays: string[] = [];
  for (const entry of deltas as unknown[]) {
    if (!isFields(entry)) throw new ProtocolError('INVALID_DELTA', 'an operation must be an object');
    checkDocument(entry, documentId);
    if (entry['field'] !== undefined) {
      sets.push(parseSet(entry, timestamp));
      continue;
    }
    switch (entry['type']) {
      case 'text-state':
        texts.push(parseText(entry, lifted));
        break;
      // Counters, sets and the former kind of text: operations, of which nobody here knows the state.
      case 'text':
      case 'counter':
      case 'set':
        relays.push(encode(entry));
        break;
      default: // such as rich text's formats, which never leave their client
    }
  }
  return { sets, texts, relays };
}

function parseText(entry: Fields, lifted: Buffer | undefined): TextOperation {
  const { clock } = entry;
  const state = lifted !== undefined && entry['state'] === standIn ? lifted : entry['state'];
  if (!Buffer.isBuffer(state) && (typeof state !== 'string' || !state.isWellFormed())) {
    throw new ProtocolError('INVALID_DELTA', 'the state of a text must be a string of well-formed Unicode');
  }
  const clientId = parseClientId(entry['clientId']);
  const { clockMax } = parseClock(clock, clientId);
  return { state, clientId, clock: clock === undefined || clock === null ? undefined : encode(clock), clockMax };
}

/** `delta {field: value, …}` with one `vectorClock` for all of them. */
function parseServerForm(fields: Fields, delta: Fields, timestamp: number): SetOperation[] {
  const clientId = parseClientId(fields['clientId']);
  const clock = parseClock(fields['vectorClock'] ?? fields['clock'], clientId);
  return Object.entries(delta).map(([field, value]) => ({
    ...parseValue(value),
    ...clock,
    field: parseField(field),
    timestamp,
    clientId,
  }));
}

/** The SDK's form: one `field` with its `value` and `clock`; `type: "delete"` needs no value. */
function parseSet(fields: Fields, timestamp: number): SetOperation {
  const clientId = parseClientId(fields['clientId']);
  const own = fields['timestamp'];
  const { value, deleted } = parseValue(fields['type'] === 'delete' ? { __deleted: true } : fields['value']);
  const { counter, clockMax } = parseClock(fields['clock'] ?? fields['vectorClock'], clientId);
  // Spelt out, as an object that is put together of others takes microseconds here.
  return {
    field: parseField(fields['field']),
    value,
    deleted,
    timestamp: typeof own === 'number' && own >= 0 ? own : timestamp,
    counter,
    clockMax,
    clientId,
  };
}

function checkDocument(fields: Fields, documentId: string): void {
  const own = fields['documentId'];
  if (own === undefined || own === documentId) return;
  throw new ProtocolError('PERMISSION_DENIED', 'an operation names another document than its message');
}

function parseField(field: unknown): string {
  if (typeof field !== 'string') throw new ProtocolError('INVALID_DELTA', 'field must be a string');
  // A third of the bound in UTF-16 units can't be over it in bytes, so the count is rarely needed.
  if (field.length > MAX_FIELD_BYTES / 3 && Buffer.byteLength(field) > MAX_FIELD_BYTES) {
    throw new ProtocolError('INVALID_DELTA', `field names have at most ${MAX_FIELD_BYTES} bytes`);
  }
  if (!field.isWellFormed()) throw new ProtocolError('INVALID_DELTA', 'field names must be well-formed Unicode');
  return field;
}

function parseClientId(clientId: unknown): string | undefined {
  if (clientId === undefined || clientId === null || clientId === '') return undefined;
  if (typeof clientId !== 'string' || clientId.length > 256 || !clientId.isWellFormed()) {
    throw new ProtocolError('INVALID_DELTA', 'clientId must be a string of at most 256 characters');
  }
  return clientId;
}

function parseValue(value: unknown): { value: string; deleted: boolean } {
  if (value === undefined) throw new ProtocolError('INVALID_DELTA', 'value is missing');
  if (isFields(value) && value['__deleted'] === true) return { value: DELETED_VALUE, deleted: true };
  return { value: encode(value), deleted: false };
}

function encode(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Parsing keeps no stack, writing does: a value of thousands of nested arrays ends here.
    throw new ProtocolError('INVALID_DELTA', 'value is nested too deeply');
  }
}

function parseClock(clock: unknown, clientId: string | undefined): { counter: number | undefined; clockMax: number } {
  if (clock === undefined || clock === null) return { counter: undefined, clockMax: 0 };
  if (isCount(clock)) return { counter: clock, clockMax: clock };
  if (!isFields(clock)) throw new ProtocolError('INVALID_DELTA', 'clock must be an object');
  let counter: number | undefined;
  let clockMax = 0;
  for (const [writer, count] of Object.entries(clock)) {
    if (!isCount(count)) throw new ProtocolError('INVALID_DELTA', 'clock entries must be non-negative integers');
    if (writer === clientId) counter = count;
    if (count > clockMax) clockMax = count;
  }
  return { counter, clockMax };
}
