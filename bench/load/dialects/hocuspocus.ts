/**
 * Hocuspocus's protocol: the name of the document, the type of the message, and for a write an update of Yjs. Each
 * writer sets keys of a map, as `delta` sets fields.
 */
import { randomInt } from 'node:crypto';
import { OPCODE_BINARY, webSocketFrame, type DeltaOptions, type Template } from '../frames.js';
import { EMPTY_MARK, MARK_BYTES, microsecondsNow, writeMark } from '../mark.js';
import type { Dialect } from './dialect.js';

const type = { sync: 0, auth: 2, syncReply: 4, close: 7, syncStatus: 8 } as const;
const sync = { step1: 0, step2: 1, update: 2 } as const;
const auth = { token: 0, denied: 1 } as const;

export const hocuspocus: Dialect = {
  path: '/',
  opcode: OPCODE_BINARY,
  greeting: undefined,
  subscribe: (documentId) =>
    Buffer.concat([
      messageOf(documentId, [type.auth, auth.token, ...textOf('none')]),
      // An empty state vector: the client has nothing.
      messageOf(documentId, [type.sync, sync.step1, ...bytesOf([0])]),
    ]),
  writes: (options) => new UpdateTemplate(options),
  read(receiver, bytes, start, end) {
    // Names are shorter than 128 bytes, so that their length is one byte.
    const at = start + 1 + (bytes[start] ?? 0);
    const part = bytes[at + 1];
    switch (bytes[at]) {
      case type.sync:
      case type.syncReply:
        if (part === sync.update) receiver.updates(bytes, start, end, 0, false);
        else if (part === sync.step2) receiver.state(end - start);
        return;
      case type.syncStatus:
        if (part === 1) receiver.ack(bytes, at, end);
        else receiver.error('an update was refused');
        return;
      case type.auth:
        if (part === auth.denied) receiver.error('permission denied');
        return;
      case type.close:
        receiver.error('closed by the server');
        return;
      default:
    }
  },
};

/** References of Yjs's encoding: an item of any values, which has an item on its left, or a parent and a key. */
const item = { any: 8, hasOrigin: 0x80, hasKey: 0x20 } as const;
const STRING = 119;

/** Makes the updates of `map.set(key, value)`, in the first version of Yjs's encoding. */
class UpdateTemplate implements Template {
  readonly #options: DeltaOptions;
  readonly #value: Buffer;
  /** The first update of a client id must have the clock 0, so each writer has an id of its own. */
  readonly #client = randomInt(1, 2 ** 31);
  /** Clock of the last item of each key. */
  readonly #last = new Map<number, number>();
  #clock = 0;

  constructor(options: DeltaOptions) {
    this.#options = options;
    this.#value = Buffer.from(EMPTY_MARK.padEnd(Math.max(options.valueBytes, MARK_BYTES), 'x'));
  }

  frames(count: number, first: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#frame(first + i)));
  }

  #frame(number: number): Buffer {
    const { documentId, writer, fields } = this.#options;
    const clock = this.#clock++;
    const field = clock % fields;
    const last = this.#last.get(field);
    this.#last.set(field, clock);
    writeMark(this.#value, 0, microsecondsNow(), number);
    const client = numberOf(this.#client);
    const parent =
      last === undefined
        ? [item.any | item.hasKey, 1, ...textOf('fields'), ...textOf(`${writer}-${field}`)]
        : [item.any | item.hasKey | item.hasOrigin, ...client, ...numberOf(last)];
    const content = [1, STRING, ...numberOf(this.#value.length), ...this.#value];
    // The former value of the key is deleted by the same transaction.
    const deleted = last === undefined ? [0] : [1, ...client, 1, ...numberOf(last), 1];
    const update = [1, 1, ...client, ...numberOf(clock), ...parent, ...content, ...deleted];
    return messageOf(documentId, [type.sync, sync.update, ...bytesOf(update)]);
  }
}

function messageOf(documentId: string, rest: readonly number[]): Buffer {
  return webSocketFrame(OPCODE_BINARY, Buffer.from([...textOf(documentId), ...rest]));
}

function textOf(text: string): number[] {
  return bytesOf([...Buffer.from(text)]);
}

function bytesOf(bytes: readonly number[]): number[] {
  return [...numberOf(bytes.length), ...bytes];
}

/** Seven bits a byte, the lowest first; all bytes but the last have the highest bit set. */
function numberOf(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}
