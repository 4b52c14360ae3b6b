import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { errors, type ErrorCode } from '../../src/errors.js';
import { ByteWriter } from '../../src/protocol/byte-writer.js';
import { typeCodes, type MessageType } from '../../src/protocol/codes.js';
import {
  ackBody,
  batchBody,
  batchEntry,
  clockJson,
  deltaBody,
  encodeFrame,
  errorBody,
  writeFrame,
  type FieldUpdate,
} from '../../src/protocol/encode.js';
import { decodeFrame } from '../support/clients/client.js';
import { hardStrings, jsonValues, spell } from '../support/values/json-text.js';
import { holds } from '../support/values/property.js';

const counts = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const writers = fc.oneof(fc.constantFrom('server', '__proto__', '', 'me', 'constructor'), hardStrings);
const updates: fc.Arbitrary<FieldUpdate> = fc.record({
  field: hardStrings,
  value: jsonValues.map((value) => JSON.stringify(JSON.parse(spell(value, [2])))),
  server: counts,
  writer: writers,
  stamp: counts,
});
const lifted = fc.option(writers, { nil: undefined });
const encodings = fc.constantFrom('binary', 'json' as const);

function clockOf(update: FieldUpdate, self?: string): Map<string, number> {
  return new Map(Object.entries(JSON.parse(clockJson(update, self)) as Record<string, number>));
}

test('ORD5 a clock is never empty, its server entry is L, and the writer’s its stamp', (t) => {
  holds(
    t,
    fc.property(updates, lifted, (update, self) => {
      const clock = clockOf(update, self);
      assert.equal(clock.get('server'), update.server);
      if (update.writer !== 'server' && update.writer !== self) assert.equal(clock.get(update.writer), update.stamp);
      if (self !== undefined) assert.equal(clock.get(self), update.server);
      const ids = new Set(['server', update.writer, ...(self === undefined ? [] : [self])]);
      assert.deepEqual(new Set(clock.keys()), ids, 'nothing else is in it, and no key comes twice');
    }),
    1_000,
  );
  t.equal(clockJson({ field: 'f', value: '1', server: 7, writer: 'server', stamp: 3 }), '{"server":7}');
  t.equal(
    clockJson({ field: 'f', value: '1', server: 7, writer: '__proto__', stamp: 3 }),
    '{"server":7,"__proto__":3}',
  );
  t.equal(clockJson({ field: 'f', value: '1', server: 7, writer: 'w', stamp: 3 }, 'w'), '{"server":7,"w":7}');
  t.end();
});

test('FAN1 a delta holds one field with its value and clock', (t) => {
  holds(
    t,
    fc.property(updates, encodings, fc.nat(), lifted, (update, encoding, time, self) => {
      const frame = Buffer.from(encodeFrame('delta', deltaBody('s1', 'doc', update, self), time, encoding));
      assert.deepEqual(decodeFrame(frame, encoding === 'binary'), {
        type: 'delta',
        timestamp: time,
        id: 's1',
        documentId: 'doc',
        field: update.field,
        value: JSON.parse(update.value) as unknown,
        clock: JSON.parse(clockJson(update, self)) as unknown,
        clientId: 'server',
      });
    }),
  );
  t.end();
});

test('FAN1 a delta_batch holds one entry for each field', (t) => {
  holds(
    t,
    fc.property(fc.array(updates, { maxLength: 5 }), encodings, (batch, encoding) => {
      const entries = batch.map((update, i) => batchEntry('doc', update, i));
      const frame = Buffer.from(encodeFrame('delta_batch', batchBody('s1', 'doc', entries), 1, encoding));
      assert.deepEqual(decodeFrame(frame, encoding === 'binary'), {
        type: 'delta_batch',
        timestamp: 1,
        id: 's1',
        documentId: 'doc',
        deltas: batch.map((update, timestamp) => ({
          type: 'set',
          documentId: 'doc',
          field: update.field,
          value: JSON.parse(update.value) as unknown,
          clock: JSON.parse(clockJson(update)) as unknown,
          clientId: 'server',
          timestamp,
        })),
      });
    }),
  );
  t.end();
});

test('ACK2 an ack bears the message id as it came', (t) => {
  holds(
    t,
    fc.property(hardStrings, encodings, (messageId, encoding) => {
      const frame = Buffer.from(encodeFrame('ack', ackBody('s1', messageId), 1, encoding));
      assert.deepEqual(decodeFrame(frame, encoding === 'binary'), { type: 'ack', timestamp: 1, id: 's1', messageId });
    }),
  );
  t.end();
});

test('ERR1 ERR3 an error bears its code, its sentence, and what it is about', (t) => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    const bare = decodeFrame(Buffer.from(encodeFrame('error', errorBody('1', code, {}), 1, 'json')), false);
    t.strictSame(bare, { type: 'error', timestamp: 1, id: '1', error: errors[code].sentence, details: { code } });
  }
  const body = errorBody('1', 'INVALID_DELTA', { documentId: 'd', messageId: '"\ud800' }, 'Invalid delta message: why');
  t.match(decodeFrame(Buffer.from(encodeFrame('error', body, 1, 'binary')), true), {
    error: 'Invalid delta message: why',
    details: { code: 'INVALID_DELTA', documentId: 'd', messageId: '"\ud800' },
  });
  t.end();
});

test('frames that are appended to one writer do not touch each other', (t) => {
  const types = Object.keys(typeCodes) as MessageType[];
  const frames = fc.array(fc.tuple(fc.constantFrom(...types), hardStrings, fc.nat(), encodings), { maxLength: 5 });
  holds(
    t,
    fc.property(frames, (list) => {
      const writer = new ByteWriter(8);
      const alone = list.map(([type, id, time, encoding]) => {
        const body = `"id":${JSON.stringify(id)}`;
        writeFrame(writer, type, body, time, encoding);
        return encodeFrame(type, body, time, encoding);
      });
      assert.deepEqual(Buffer.from(writer.finish()), Buffer.concat(alone));
    }),
  );
  t.end();
});
