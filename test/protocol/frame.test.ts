import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { ProtocolError } from '../../src/errors.js';
import {
  clientTypeOfCode,
  clientTypeOfName,
  typeCodes,
  type ClientType,
  type MessageType,
} from '../../src/protocol/codes.js';
import { encodeFrame, quote } from '../../src/protocol/encode.js';
import { HEADER_BYTES, readHead, type FrameHead } from '../../src/protocol/frame.js';
import { ObjectScan } from '../../src/protocol/json/json-scan.js';
import { parseMessage } from '../../src/protocol/message.js';
import { binaryFrame } from '../support/clients/client.js';
import { jsonValues, JsonObject, mutate, mutations, objects, hardStrings, spell } from '../support/values/json-text.js';
import { parseJson } from '../support/values/json-model.js';
import { holds } from '../support/values/property.js';

const scan = new ObjectScan();
const types = Object.keys(typeCodes) as MessageType[];
const clientTypes = types.filter((type) => clientTypeOfName(type) !== undefined) as Exclude<ClientType, 'connect'>[];

function json(fields: object): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

/** The head of a frame that has one. */
function headOf(bytes: Buffer, text = false): FrameHead {
  const head = readHead(bytes, text, scan);
  if (head.kind === 'fault') throw new Error(head.code);
  return head;
}

test('every type that clients may send is known by its code and its name, the others by neither', (t) => {
  const fromServer = ['auth_success', 'auth_error', 'sync_response', 'sync_step2', 'awareness_state', 'error'];
  for (const type of types) {
    const expected = fromServer.includes(type) ? undefined : type;
    t.equal(clientTypeOfCode(typeCodes[type]), expected, type);
    t.equal(clientTypeOfName(type), expected, type);
    t.match(
      readHead(binaryFrame(type, {}), false, scan),
      expected === undefined ? { code: 'UNKNOWN_TYPE' } : { kind: 'frame', type, form: 'binary' },
    );
    t.match(
      readHead(json({ type, id: '1', timestamp: 1 }), true, scan),
      expected === undefined ? { code: 'UNKNOWN_TYPE' } : { kind: 'frame', type, form: 'json' },
    );
  }
  t.equal(clientTypeOfName('connect'), 'connect');
  t.equal(clientTypeOfName('toString'), undefined);
  const known = Array.from({ length: 256 }, (_, code) => code).filter((code) => clientTypeOfCode(code) !== undefined);
  t.strictSame(known.length, clientTypes.length, 'no other code is known');
  t.end();
});

test('the head of a binary frame: type, time and where the payload lies', (t) => {
  const frame = binaryFrame('delta', { field: 'f' }, 1_700_000_000_123);
  t.strictSame(headOf(frame), {
    kind: 'frame',
    type: 'delta',
    form: 'binary',
    timestamp: 1_700_000_000_123,
    start: HEADER_BYTES,
    end: frame.length,
  });
  t.equal(headOf(binaryFrame('ping', {}, -1)).timestamp, -1);
  t.equal(headOf(binaryFrame('ping', {}, Number.MAX_SAFE_INTEGER)).timestamp, Number.MAX_SAFE_INTEGER);
  t.end();
});

test('CON3 bytes after the announced length are ignored, a shorter frame is refused', (t) => {
  const frame = binaryFrame('delta', { field: 'f' });
  const long = Buffer.concat([frame, Buffer.from('}garbage')]);
  t.equal(headOf(long).end, frame.length);
  t.equal(parseMessage(long, headOf(long)).fields.text('field'), 'f');
  for (let length = 0; length < frame.length; length++) {
    t.strictSame(readHead(frame.subarray(0, length), false, scan), { kind: 'fault', code: 'INVALID_MESSAGE' });
  }
  const huge = Buffer.from(frame);
  huge.writeUInt32BE(0xffff_ffff, 9);
  t.strictSame(readHead(huge, false, scan), { kind: 'fault', code: 'INVALID_MESSAGE' });
  t.end();
});

test('CON2 a binary frame that begins with { is a JSON message', (t) => {
  const bytes = json({ id: 'm', timestamp: 5, type: 'ping' });
  t.match(headOf(bytes, false), { type: 'ping', form: 'json', start: 0, end: bytes.length });
  t.end();
});

test('CON4 the type of a binary message is that of its header', (t) => {
  const frame = binaryFrame('delta_batch', { type: 'subscribe', payload: { type: 'x', field: 'f' } });
  const message = parseMessage(frame, headOf(frame));
  t.equal(message.type, 'delta_batch');
  t.equal(message.fields.text('type'), 'subscribe', 'nothing is flattened there');
  t.notOk(message.fields.has('field'));
  t.end();
});

test('CON5 a nested payload is flattened, its own type dropped, and the message keeps its id', (t) => {
  const bytes = json({
    type: 'delta',
    id: 'm',
    timestamp: 5,
    documentId: 'a',
    payload: { type: 'set', id: 'x', field: 'f', documentId: 'b' },
  });
  const { type, timestamp, fields } = parseMessage(bytes, headOf(bytes, true));
  t.strictSame([type, timestamp, fields.text('type'), fields.text('id')], ['delta', 5, 'delta', 'm']);
  t.strictSame([fields.text('documentId'), fields.text('field')], ['b', 'f']);
  const plain = json({ type: 'delta', id: 'm', timestamp: 5, field: 'f', payload: [1] });
  t.equal(parseMessage(plain, headOf(plain, true)).fields.text('field'), 'f', 'what is no object is dropped');
  const nested = json({ type: 'delta', id: 'm', timestamp: 5, delta: { a: 1 }, payload: { delta: 2, field: 'f' } });
  t.equal(parseMessage(nested, headOf(nested, true)).fields.delta(), undefined);
  t.end();
});

test('CON5 type, id and timestamp are required in a JSON message', (t) => {
  const whole = { type: 'ping', id: 'm', timestamp: 5 };
  for (const bad of [{ type: 1 }, { id: 1 }, { timestamp: '5' }, { id: undefined }, { timestamp: undefined }]) {
    const bytes = json({ ...whole, ...bad });
    t.throws(() => parseMessage(bytes, { ...headOf(json(whole), true), end: bytes.length }), {
      code: 'INVALID_MESSAGE',
    });
  }
  for (const text of ['{}', '{"type":1}', '{"a":{"type":"ping"}}', '[]', '"ping"', 'ping', '']) {
    t.strictSame(readHead(Buffer.from(text), true, scan), { kind: 'fault', code: 'INVALID_MESSAGE' }, text);
  }
  t.strictSame(readHead(json({ type: 'nope' }), true, scan), { kind: 'fault', code: 'UNKNOWN_TYPE' });
  t.end();
});

test('what encodeFrame writes is read again, in both encodings', (t) => {
  const times = fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 });
  const bodies = objects(
    jsonValues,
    fc
      .oneof(hardStrings, fc.constantFrom('documentId', 'messageId', 'field', 'value'))
      .filter((key) => !['type', 'id', 'timestamp', 'payload'].includes(key)),
  );
  holds(
    t,
    fc.property(fc.constantFrom(...clientTypes), times, hardStrings, bodies, (type, timestamp, id, body) => {
      const text = spell(new JsonObject([['id', id], ...body.entries]), [2]).slice(1, -1);
      const expected = parseJson(`{${text}}`) as Record<string, unknown>;
      for (const encoding of ['binary', 'json'] as const) {
        const bytes = Buffer.from(encodeFrame(type, text, timestamp, encoding));
        const message = parseMessage(bytes, headOf(bytes, encoding === 'json'));
        assert.equal(message.type, type);
        assert.equal(message.timestamp, timestamp);
        assert.equal(message.fields.number('timestamp'), encoding === 'json' ? timestamp : undefined);
        for (const key of ['id', 'documentId', 'messageId', 'field', 'value'] as const) {
          const json = message.fields.value(key)?.json;
          assert.deepEqual(json === undefined ? undefined : parseJson(json), expected[key]);
        }
      }
    }),
    1_000,
  );
  t.end();
});

test('CON6 any bytes give a message or an error, never another exception', (t) => {
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom(...types),
        objects(jsonValues, fc.oneof(hardStrings, fc.constantFrom('id', 'payload'))),
        mutations,
      )
      .map(([type, body, changes]) =>
        mutate(Buffer.from(encodeFrame(type, spell(body, [2]).slice(1, -1), 1, 'binary')), changes),
      ),
    fc
      .tuple(
        objects(jsonValues, fc.constantFrom('type', 'id', 'timestamp', 'payload')),
        fc.constantFrom(...types),
        mutations,
      )
      .map(([body, type, changes]) =>
        mutate(Buffer.from(spell(body, [0]).replace('{', `{"type":${quote(type)},`)), changes),
      ),
  );
  holds(
    t,
    fc.property(frames, fc.boolean(), (bytes, text) => {
      const head = readHead(bytes, text, scan);
      if (head.kind === 'fault') return;
      assert.ok(0 <= head.start && head.start <= head.end && head.end <= bytes.length);
      assert.ok(text || head.form === 'json' || head.start === HEADER_BYTES);
      try {
        parseMessage(bytes, head);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    5_000,
  );
  t.end();
});

test('a payload that is no object, or no JSON, is refused', (t) => {
  for (const payload of ['', '[]', 'null', '1', '"{}"', '{', '{"a":1}}', '{"a":undefined}', '\ufeff{}']) {
    const bytes = Buffer.concat([binaryFrame('delta', {}).subarray(0, 9), Buffer.alloc(4), Buffer.from(payload)]);
    bytes.writeUInt32BE(Buffer.byteLength(payload), 9);
    t.throws(() => parseMessage(bytes, headOf(bytes)), { code: 'INVALID_MESSAGE' }, payload);
  }
  t.end();
});
