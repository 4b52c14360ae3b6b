/** Frames for the fuzz test: valid ones of all types, and what can be made of them. */
import { typeCodes, type MessageType } from '../../src/protocol/codes.js';
import { binaryFrame } from '../support/clients/client.js';
import type { Random } from '../support/random.js';

/** A WebSocket message. */
export interface Frame {
  readonly bytes: Buffer;
  readonly text: boolean;
}

export interface FuzzOptions {
  readonly random: Random;
  /** Documents that frames name. */
  readonly documents: readonly string[];
  /** Whether it sends what only clients do that understand `delta_batch`, unless by mutation. */
  readonly supportsBatch: boolean;
  /** Tokens that `auth` frames bring. */
  readonly tokens: readonly string[];
}

const types = [...Object.keys(typeCodes), 'connect'] as (MessageType | 'connect')[];
/** Sent more often than the rest: they are where the work is. */
const writes = ['delta', 'delta', 'delta_batch', 'delta_batch_chunk', 'subscribe', 'sync_request'] as const;
const onlyModern: readonly string[] = ['delta_batch', 'delta_batch_chunk', 'awareness_subscribe'];
const oddities = [
  ...['null', 'true', '{}', '[]', '""', '-1', '0.5', '-0', '1e308', '1e999', '9007199254740993', '00', 'NaN'],
  ...['"\\ud800"', '"__proto__"', '{"__proto__":{"a":1}}', '{"__deleted":true}', '"\\u0000"', '"', '{', ']', ','],
];
const keys = ['documentId', 'type', 'id', 'messageId', 'field', 'value', 'clock', 'payload', 'deltas', '__proto__'];
const LONG = 20_000;

export class FuzzFrames {
  readonly #options: FuzzOptions;
  readonly #random: Random;
  #ids = 0;

  constructor(options: FuzzOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  /** A frame, valid once in eight times. */
  next(text: boolean): Frame {
    const valid = this.#valid(text);
    if (this.#random.once(8)) return valid;
    let { bytes } = valid;
    for (let mutations = this.#random.between(1, 3); mutations > 0; mutations--) bytes = this.#mutate(bytes, text);
    return { bytes, text };
  }

  /** A `ping`, answered with a pong whatever came before. */
  ping(text: boolean): Frame {
    return this.#frame('ping', { id: 'barrier' }, text);
  }

  #valid(text: boolean): Frame {
    const picked = this.#random.once(2) ? this.#random.pick(writes) : this.#random.pick(types);
    const type = onlyModern.includes(picked) && !this.#options.supportsBatch ? 'delta' : picked;
    // A connection ends with a token that is refused, so those are rare.
    if (type === 'auth' && !this.#random.once(10)) return this.#frame('pong', {}, text);
    return this.#frame(type, this.#fieldsOf(type), text);
  }

  #frame(type: MessageType | 'connect', fields: Record<string, unknown>, text: boolean): Frame {
    const id = `f${++this.#ids}`;
    if (!text && type !== 'connect') return { bytes: binaryFrame(type, { id, ...fields }), text };
    const message = { type, id, timestamp: Date.now(), ...fields };
    const { documentId, ...payload } = fields;
    // Fields may also stand in a nested payload.
    const nested = this.#random.once(5) ? { type, id, timestamp: Date.now(), documentId, payload } : message;
    return { bytes: Buffer.from(JSON.stringify(nested)), text };
  }

  #fieldsOf(type: MessageType | 'connect'): Record<string, unknown> {
    const documentId = this.#random.pick(this.#options.documents);
    switch (type) {
      case 'auth':
        return { token: this.#random.pick([...this.#options.tokens, 'no token', '']) };
      case 'sync_request':
        return this.#random.once(2) ? { documentId } : { documentId, vectorClock: this.#clock() };
      case 'sync_step1':
        return { documentId, stateVector: this.#clock() };
      case 'delta':
        return this.#random.once(3)
          ? { documentId, delta: { [this.#name()]: this.#value(), b: 1 }, vectorClock: this.#clock() }
          : { documentId, field: this.#name(), value: this.#value(), clock: this.#clock(), clientId: 'fuzz' };
      case 'delta_batch':
        return this.#batch(documentId);
      case 'delta_batch_chunk':
        return this.#chunk(documentId);
      case 'awareness_update':
        return { documentId, clientId: this.#name(), state: { at: this.#value() }, clock: this.#random.below(100) };
      case 'ack':
        return { messageId: this.#name() };
      default:
        return { documentId };
    }
  }

  #batch(documentId: string): Record<string, unknown> {
    const deltas = Array.from({ length: this.#random.below(5) }, () => ({
      ...{ type: this.#random.once(9) ? 'text-state' : 'set', documentId, field: this.#name(), value: this.#value() },
      ...{ clock: this.#clock(), clientId: 'fuzz', timestamp: Date.now() },
    }));
    return { documentId, deltas, messageId: this.#name() };
  }

  #chunk(documentId: string): Record<string, unknown> {
    const data = binaryFrame('delta_batch', this.#batch(documentId)).toString('base64');
    const totalChunks = this.#random.pick([1, 1, 1, 2, 3]);
    return { chunkId: `c${this.#random.below(4)}`, totalChunks, chunkIndex: this.#random.below(totalChunks), data };
  }

  #name(): string {
    return `n${this.#random.below(20)}`;
  }

  #value(): unknown {
    return this.#random.pick([1, 'text', null, { __deleted: true }, { deep: [{ a: '"\\' }] }, [], true, 0.5]);
  }

  #clock(): unknown {
    return this.#random.pick([{ fuzz: this.#random.below(1000) }, {}, 7, null, { server: 1e15, fuzz: 1 }]);
  }

  #mutate(bytes: Buffer, text: boolean): Buffer {
    switch (this.#random.below(9)) {
      case 0:
        return this.#flipBits(bytes);
      case 1:
        return bytes.subarray(0, this.#random.below(bytes.length + 1));
      case 2:
        return this.#splice(bytes, this.#valid(text).bytes);
      case 3:
        return this.#insertEntry(bytes);
      case 4:
        return this.#replaceValue(bytes, this.#random.pick(oddities));
      case 5:
        return this.#replaceValue(bytes, this.#nested());
      case 6:
        return text ? this.#flipBits(bytes) : this.#changeHeader(bytes);
      case 7:
        return this.#repeat(bytes);
      default:
        return this.#random.once(4) ? this.#noise() : this.#replaceValue(bytes, this.#random.pick(oddities));
    }
  }

  #flipBits(bytes: Buffer): Buffer {
    const flipped = Buffer.from(bytes);
    for (let flips = this.#random.between(1, 6); flips > 0 && bytes.length > 0; flips--) {
      const at = this.#random.below(flipped.length);
      flipped[at] = flipped[at]! ^ (1 << this.#random.below(8));
    }
    return flipped;
  }

  #splice(bytes: Buffer, other: Buffer): Buffer {
    const head = bytes.subarray(0, this.#random.below(bytes.length + 1));
    return Buffer.concat([head, other.subarray(this.#random.below(other.length))]);
  }

  /** A key that may be there already, with a value of its own; the header of a binary frame keeps up. */
  #insertEntry(bytes: Buffer): Buffer {
    const value = this.#random.once(2) ? JSON.stringify(this.#random.pick(this.#options.documents)) : '"delta"';
    const entry = `"${this.#random.pick(keys)}":${this.#random.once(3) ? this.#random.pick(oddities) : value},`;
    const braces = [...bytes.keys()].filter((at) => bytes[at] === 0x7b);
    if (braces.length === 0) return bytes;
    const at = this.#random.pick(braces) + 1;
    return fixLength(Buffer.concat([bytes.subarray(0, at), Buffer.from(entry), bytes.subarray(at)]));
  }

  /** Puts something else after some colon. */
  #replaceValue(bytes: Buffer, value: string): Buffer {
    const colons = [...bytes.keys()].filter((at) => bytes[at] === 0x3a);
    if (colons.length === 0) return bytes;
    const at = this.#random.pick(colons) + 1;
    let end = at;
    while (end < bytes.length && bytes[end] !== 0x2c && bytes[end] !== 0x7d) end++;
    return fixLength(Buffer.concat([bytes.subarray(0, at), Buffer.from(value), bytes.subarray(end)]));
  }

  #nested(): string {
    const depth = this.#random.once(10) ? LONG : this.#random.between(1, 500);
    const [open, close] = this.#random.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const);
    return open.repeat(depth) + '1' + close.repeat(this.#random.once(3) ? 0 : depth);
  }

  #changeHeader(bytes: Buffer): Buffer {
    const changed = Buffer.from(bytes);
    if (changed.length < 13) return changed;
    const kind = this.#random.below(3);
    if (kind === 0) changed[0] = this.#random.below(256);
    else if (kind === 1) changed.writeUInt32BE(this.#random.pick([0, 1, 0xffffffff, 0x7fffffff, changed.length]), 9);
    else changed.writeBigUInt64BE(this.#random.pick([0n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 62n]), 1);
    return changed;
  }

  #repeat(bytes: Buffer): Buffer {
    const from = this.#random.below(bytes.length + 1);
    const part = bytes.subarray(from, from + this.#random.below(40));
    const times = Array.from({ length: this.#random.between(1, 20) }, () => part);
    return fixLength(Buffer.concat([bytes.subarray(0, from), ...times, bytes.subarray(from)]));
  }

  #noise(): Buffer {
    return Buffer.from(Array.from({ length: this.#random.below(200) }, () => this.#random.below(256)));
  }
}

/** Lets a binary frame's header announce what it has, so that its payload is looked at. */
function fixLength(bytes: Buffer): Buffer {
  if (bytes.length >= 13 && bytes[0] !== 0x7b) bytes.writeUInt32BE(bytes.length - 13, 9);
  return bytes;
}
