import type { FieldWrite, FieldsStore, WriterStamp } from '../../lib/index.js';
import type { Random } from './random.js';

export const tombstone = '{"__deleted":true}';

/** A write with everything but the path at some plain value. */
export function write(path: string, changes: Partial<FieldWrite> = {}): FieldWrite {
  return { path, value: '1', deleted: false, timestamp: 1, counter: 1, clientId: 'alice', stamp: 1, ...changes };
}

export function removal(path: string, changes: Partial<FieldWrite> = {}): FieldWrite {
  return write(path, { value: tombstone, deleted: true, ...changes });
}

/** Difficult names: for escaping, for byte order, for objects used as maps, for fixed buffers. */
const paths = [
  ...['', 'a', 'title', 'a.b.c', '0', '10', '9', '__proto__', 'constructor', 'toString'],
  ...['"', '\\', '\b\t\n\f\r', '\u0000\u001f', '\u007f', '\u2028\u2029', '\ufeffbom', '/'],
  ...['é', 'naïve', '～', '😀', '👨‍👩‍👧', 'क्ष', 'e\u0301', 'ascii then é', 'x'.repeat(300), 'ü'.repeat(200)],
];

/** Ids whose order by UTF-8 bytes differs from that by UTF-16, prefixes of each other, and long ones. */
const clients = [
  ...['a', 'b', 'client-1', 'client-10', 'client-2', 'Zed', 'alice', 'server', '', '～', '😀', '\ue000', 'é'],
  ...['user-1', 'user-2', '0123456', '01234567', '012345678', '01234567é', 'c'.repeat(100)],
];

const values = [
  ...['null', 'true', 'false', '0', '9', '10', '-1.5', '""', '"v"', '"v5"', '"aaa"', '[]', '[1,2]', '{}', '{"a":1}'],
  ...['"é"', '"～"', '"😀"', '"\\u0000"', JSON.stringify('long '.repeat(100)), JSON.stringify('löng'.repeat(2000))],
];

/** Small ranges, so that ties happen at every level of the order; some numbers at the ends of what fits. */
export function randomWrite(random: Random): FieldWrite {
  const deleted = random.once(5);
  return {
    path: randomPath(random),
    value: deleted ? tombstone : random.pick(values),
    deleted,
    timestamp: random.once(20) ? random.pick([0, 1.5, -3, Date.now(), 2 ** 53, 1e300]) : random.below(3),
    counter: random.once(20) ? random.pick([0, 0.25, 2 ** 53 - 1, 1e300]) : random.below(3),
    clientId: random.once(4) ? `client-${random.below(1000)}` : random.pick(clients),
    stamp: random.once(20) ? random.pick([0, 2 ** 53]) : random.below(50),
  };
}

export function randomPath(random: Random): string {
  return random.once(3) ? `field-${random.below(1000)}` : random.pick(paths);
}

/** A random vector clock, with writers that exist and others. */
export function randomVector(random: Random): Map<string, number> {
  const vector = new Map<string, number>();
  for (let entries = random.below(20); entries > 0; entries--) {
    vector.set(randomWrite(random).clientId, random.below(50));
  }
  return vector;
}

/** Everything that a store returns about a document, in an order that doesn't depend on the store. */
export function contents(store: FieldsStore, handle: number): object {
  return {
    fields: store.changesSince(handle, everything(store, handle)),
    state: Buffer.from(store.state(handle)).toString(),
    writers: byClient(store.writers(handle)),
    count: store.fieldCount(handle),
    live: store.liveCount(handle),
    tombstones: store.tombstoneStamps(handle),
  };
}

/** Like `contents`, but the same for documents whose fields were written in different order. */
export function sortedContents(store: FieldsStore, handle: number): object {
  const fields = store.changesSince(handle, everything(store, handle));
  const live = fields.filter(({ deleted }) => !deleted).map(({ path, value }) => `${JSON.stringify(path)}:${value}`);
  const state = Buffer.from(store.state(handle)).toString();
  return {
    // Not parsed: JSON.parse of Node 24 and 25 confuses keys that are written with escapes.
    state: state === `{${live.join(',')}}` ? 'the live fields' : state,
    fields: fields.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
    writers: byClient(store.writers(handle)),
    live: store.liveCount(handle),
  };
}

/** A vector below every stamp, zero included. */
export function everything(store: FieldsStore, handle: number): Map<string, number> {
  return new Map(store.writers(handle).map(({ clientId }) => [clientId, -1]));
}

export function byClient(writers: WriterStamp[]): WriterStamp[] {
  return writers.sort((a, b) => Buffer.compare(Buffer.from(a.clientId), Buffer.from(b.clientId)));
}
