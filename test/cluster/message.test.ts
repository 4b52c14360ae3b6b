/** Messages survive encoding and decoding, and no bytes do harm. */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { test } from 'tap';
import { decodeMessage, encodeMessage, type BusMessage } from '../../src/cluster/message.js';
import { updatedField } from '../support/redis/bus-recorder.js';
import { holds } from '../support/values/property.js';

const packr = new Packr({ useRecords: false });
const head = { node: 'node', epoch: 2 ** 48 - 2, sequence: 7, sentAt: 1_700_000_000_000.5, since: 12 };

test('a message is the same after encoding and decoding', (t) => {
  const fields = [
    updatedField({ path: '', value: '"\u{1f600}\\u0000"', clientId: '\uffff' }),
    updatedField({ path: '__proto__', deleted: true, timestamp: -1e300, counter: 0.1, stamp: Number.MAX_SAFE_INTEGER }),
  ];
  const update = {
    documentId: 'doc',
    stamp: 1_700_000_000_000_123,
    fields,
    text: undefined,
    relays: ['{}', ''],
    commit: 9,
  };
  const messages: BusMessage[] = [
    { kind: 'update', ...head, update },
    { kind: 'update', ...head, update: { ...update, fields: [], relays: [] } },
    { kind: 'tail', ...head },
  ];
  for (const message of messages) t.strictSame(decodeMessage('doc', encodeMessage(message)), message);
  const read = decodeMessage(
    'doc',
    encodeMessage({ kind: 'update', ...head, update: { ...update, text: Uint8Array.of(0, 1, 255) } }),
  );
  if (read.kind !== 'update') throw new Error('it was update');
  t.same([...(read.update.text ?? [])], [0, 1, 255]);
  t.end();
});

test('version 1 of the format does not change: older nodes read it', (t) => {
  const field = { path: 'p', value: '1', deleted: false, timestamp: 3, counter: 4, clientId: 'c', stamp: 5 };
  const update = { documentId: 'doc', stamp: 6, fields: [field], text: Uint8Array.of(9), relays: ['{}'], commit: 10 };
  const numbers = { node: 'n', epoch: 1, sequence: 2, sentAt: 7, since: 8 };
  t.equal(
    encodeMessage({ kind: 'update', ...numbers, update }).toString('hex'),
    '9c01a16e0102000708069197a170a131c20304a16305c4010991a27b7d0a',
  );
  const horizon = { timestamp: 1, counter: 2, clientId: 'h', stamp: 3 };
  const withHorizon = encodeMessage({ kind: 'update', ...numbers, update: { ...update, horizon } });
  t.equal(
    withHorizon.toString('hex'),
    '9d01a16e0102000708069197a170a131c20304a16305c4010991a27b7d0a940102a16803',
    'what is new stands behind it',
  );
  t.same(decodeMessage('doc', withHorizon), { kind: 'update', ...numbers, update: { ...update, horizon } });
  const withoutCommit = Buffer.from('9b01a16e0102000708069197a170a131c20304a16305c4010991a27b7d', 'hex');
  const read = decodeMessage('doc', withoutCommit);
  t.same(
    read,
    { kind: 'update', ...numbers, update: { ...update, commit: 0 } },
    'what is missing at the end is not known',
  );
  t.equal(encodeMessage({ kind: 'tail', ...numbers }).toString('hex'), '9701a16e0102010708');
  t.end();
});

test('a stamp that no storage accepts is refused, as the receiver would continue from it', (t) => {
  const read = (stamp: unknown, ofField: unknown): string => {
    const field = ['p', '1', false, 1, 1, 'c', ofField];
    return decodeMessage('doc', packr.pack([1, 'node', 5, 1, 0, 1, 0, stamp, [field], null, []])).kind;
  };
  t.equal(read(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), 'update');
  for (const stamp of [2 ** 53, 1e300, 0.5, -1, Infinity, '1']) {
    t.equal(read(stamp, 1), 'malformed', String(stamp));
    t.equal(read(1, stamp), 'malformed', String(stamp));
  }
  t.end();
});

test('the text is a copy, not a view of the received buffer', (t) => {
  const update = { documentId: 'doc', stamp: 1, fields: [], text: Uint8Array.of(1, 2, 3), relays: [], commit: 1 };
  const bytes = encodeMessage({ kind: 'update', ...head, update });
  const read = decodeMessage('doc', bytes);
  bytes.fill(0);
  if (read.kind !== 'update') throw new Error('it was update');
  t.same([...(read.update.text ?? [])], [1, 2, 3]);
  t.end();
});

test('strings that are no Unicode are refused', (t) => {
  const row = packr.pack([1, 'node', 5, 1, 0, 1, 0, 1, [['XXX', '1', false, 1, 1, 'c', 1]], null, []]);
  const at = row.indexOf('XXX');
  t.equal(decodeMessage('doc', row).kind, 'update');
  // Half of a surrogate pair, as no encoder of UTF-8 writes it.
  row.set([0xed, 0xa0, 0x80], at);
  const read = decodeMessage('doc', row);
  t.ok(read.kind === 'malformed' || (read.kind === 'update' && read.update.fields[0]!.path.isWellFormed()));
  t.end();
});

test('no bytes make it throw, and every result is complete', (t) => {
  const good = encodeMessage({
    kind: 'update',
    ...head,
    update: {
      documentId: 'doc',
      stamp: 1,
      fields: [updatedField()],
      text: Uint8Array.of(1),
      relays: ['{}'],
      commit: 1,
    },
  });
  const isWhole = (bytes: Uint8Array): boolean => {
    const read = decodeMessage('doc', bytes);
    return read.kind !== 'update' || read.update.fields.every(({ timestamp }) => Number.isFinite(timestamp));
  };
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => isWhole(bytes)),
    2_000,
  );
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  holds(
    t,
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return isWhole(bytes) && isWhole(bytes.subarray(0, length));
    }),
    5_000,
  );
  const places = fc.array(fc.oneof(fc.anything(), fc.integer(), fc.string()), { maxLength: 14 });
  holds(
    t,
    fc.property(places, (values) => {
      let bytes: Uint8Array;
      try {
        bytes = packr.pack([1, 'node', 5, 1, 0, ...values]);
      } catch {
        return true; // not everything can be written
      }
      return isWhole(bytes);
    }),
    2_000,
  );
  t.end();
});
