/** What the acceptor reads from a frame without parsing it, against what the shard finds when it parses the whole. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { ProtocolError } from '../../src/errors.js';
import { isDocumentId } from '../../src/protocol/document-id.js';
import { readHead, scanMessageId, scanString, type FrameHead } from '../../src/protocol/frame.js';
import { ObjectScan } from '../../src/protocol/json/json-scan.js';
import { messageIdOf, parseMessage, type Message } from '../../src/protocol/message.js';
import { parseOperations } from '../../src/protocol/operations.js';
import { isObject, parseJson } from '../support/values/json-model.js';
import { holds } from '../support/values/property.js';
import {
  hardStrings,
  JsonObject,
  jsonValues,
  mutate,
  mutations,
  objects,
  spell,
  spellings,
} from '../support/values/json-text.js';
import type { Json } from '../support/values/json-text.js';

const scan = new ObjectScan();

/** A document id, or something that is none. */
const ids = fc.oneof(fc.constantFrom<Json>('a', 'b', 'a:b', '', 'ü'), jsonValues);
const names = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('documentId', 'payload', 'messageId', 'id', 'type', 'field', 'value') },
  { weight: 1, arbitrary: hardStrings },
);
const payloads = objects(fc.oneof(ids, jsonValues), names);
/** Messages in which no key comes twice; `type` and so on may be missing. */
const messages = objects(fc.oneof(ids, payloads), names);

function binaryHead(bytes: Buffer): FrameHead {
  return { kind: 'frame', type: 'delta', form: 'binary', timestamp: 1, start: 0, end: bytes.length };
}

/** What JSON.parse says about the key that the scan was asked for. */
function expected(parsed: Record<string, unknown>, key: string, form: FrameHead['form']): string | undefined {
  const { payload } = parsed;
  const place = form === 'json' && !Object.hasOwn(parsed, key) && isObject(payload) ? payload : parsed;
  const value = Object.hasOwn(place, key) ? place[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

test('scanString finds what JSON.parse finds, at the top and in `payload`', (t) => {
  holds(
    t,
    fc.property(messages, spellings, fc.constantFrom('documentId', 'messageId'), (message, spelling, key) => {
      const bytes = Buffer.from(spell(message, spelling));
      const parsed = parseJson(bytes.toString()) as Record<string, unknown>;
      for (const form of ['json', 'binary'] as const) {
        assert.equal(scanString(bytes, { ...binaryHead(bytes), form }, key, scan), expected(parsed, key, form));
      }
    }),
    1_500,
  );
  t.end();
});

test('of keys that come twice scanString takes the first, and the top before `payload`', (t) => {
  const routed = (text: string): string | undefined => {
    const bytes = Buffer.from(text);
    return scanString(bytes, { ...binaryHead(bytes), form: 'json' }, 'documentId', scan);
  };
  t.equal(routed('{"documentId":"a","documentId":"b"}'), 'a');
  t.equal(routed('{"documentId":1,"documentId":"b"}'), undefined);
  t.equal(routed('{"payload":{"documentId":"b"},"documentId":"a"}'), 'a');
  t.equal(routed('{"payload":{"documentId":"a","documentId":"b"}}'), 'a');
  t.equal(routed('{"payload":{"documentId":"a"},"payload":{"documentId":"b"}}'), 'a');
  t.equal(routed('{"payload":1,"payload":{"documentId":"b"}}'), 'b');
  t.equal(routed('{"p\\u0061yload":{"d\\u006fcumentId":"\\u0061"}}'), 'a');
  t.equal(routed('{"x":{"payload":{"documentId":"b"}}}'), undefined);
  t.end();
});

test('the id by which the acceptor answers is the one by which the shard does', (t) => {
  holds(
    t,
    fc.property(messages, spellings, (message, spelling) => {
      const bytes = Buffer.from(spell(message, spelling));
      const head = binaryHead(bytes);
      const inShard = messageIdOf(parseMessage(bytes, head).fields);
      assert.equal(scanMessageId(bytes, head, scan), inShard);
    }),
    1_000,
  );
  t.end();
});

const operations = objects(
  ids,
  fc.constantFrom('documentId', 'field', 'value', 'clock', 'clientId', 'delta', 'type'),
).map((operation) => new JsonObject([['field', 'f'], ['value', 1], ...operation.entries]));

/** Entries of a message that names several documents, in any order, keys twice or more often. */
const entries: fc.Arbitrary<(readonly [string, Json])[]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('documentId'), ids),
    fc.tuple(fc.constant('deltas'), fc.array(operations, { maxLength: 2 })),
    fc.tuple(fc.constant('delta'), payloads),
    fc.tuple(fc.constantFrom('field', 'value', 'clientId', 'x'), fc.oneof(hardStrings, jsonValues)),
  ),
  { maxLength: 5 },
);

const writes = fc
  .record({
    type: fc.constantFrom('delta', 'delta_batch' as const),
    outer: entries,
    payload: fc.option(entries, { nil: undefined }),
    payloadFirst: fc.boolean(),
    spelling: spellings,
    changes: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: mutations }),
    text: fc.boolean(),
  })
  .map(({ type, outer, payload, payloadFirst, spelling, changes, text }) => {
    const nested: (readonly [string, Json])[] = payload === undefined ? [] : [['payload', new JsonObject(payload)]];
    const head: (readonly [string, Json])[] = [
      ['type', type],
      ['id', 'm'],
      ['timestamp', 1],
    ];
    const message = new JsonObject(payloadFirst ? [...nested, ...outer, ...head] : [...head, ...outer, ...nested]);
    return { bytes: mutate(Buffer.from(spell(message, spelling)), changes), text, type };
  });

/** Every document that a parsed message names, in itself and in its operations. */
function namedDocuments({ fields }: Message): unknown[] {
  const named = [fields, ...(fields.deltas() ?? [])].filter((entry) => entry?.has('documentId') === true);
  return named.map((entry) => entry?.text('documentId'));
}

test('AUT8 CON6 no operation is ever applied to another document than the one it was routed by', (t) => {
  let applied = 0;
  let refused = 0;
  holds(
    t,
    fc.property(writes, fc.boolean(), ({ bytes, type }, asPayload) => {
      // The same text as a JSON frame, and as the payload of a binary one.
      const head = asPayload ? { ...binaryHead(bytes), type } : readHead(bytes, true, scan);
      if (head.kind === 'fault') return;
      const routed = scanString(bytes, head, 'documentId', scan);
      if (!isDocumentId(routed)) return;
      let message: Message;
      try {
        message = parseMessage(bytes, head);
        parseOperations(message, routed, 200);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
        refused++;
        return;
      }
      applied++;
      for (const id of message.type === 'delta_batch' ? namedDocuments(message) : []) assert.equal(id, routed);
      if (message.fields.has('documentId')) assert.equal(message.fields.text('documentId'), routed);
    }),
    2_500,
  );
  t.ok(applied > 50 && refused > 50, `${applied} applied, ${refused} refused`);
  t.end();
});

test('AUT8 a message that is routed by one document and parsed as another is refused', (t) => {
  const cases = [
    '{"type":"delta","id":"m","timestamp":1,"documentId":"a","documentId":"b","field":"f","value":1}',
    '{"type":"delta","id":"m","timestamp":1,"documentId":"a","payload":{"documentId":"b","field":"f","value":1}}',
    '{"type":"delta","id":"m","timestamp":1,"documentId":"a","payload":{"documentId":null,"field":"f","value":1}}',
    '{"type":"delta_batch","id":"m","timestamp":1,"documentId":"a","deltas":[{"documentId":"b","field":"f","value":1}]}',
    '{"type":"delta_batch","id":"m","timestamp":1,"documentId":"a","deltas":[{"documentId":"b"}]}',
    '{"payload":{"documentId":"a"},"type":"delta","id":"m","timestamp":1,"payload":{"documentId":"b","field":"f","value":1}}',
  ];
  for (const text of cases) {
    const bytes = Buffer.from(text);
    const head = readHead(bytes, true, scan);
    t.equal(head.kind, 'frame');
    if (head.kind === 'fault') continue;
    t.equal(scanString(bytes, head, 'documentId', scan), 'a');
    t.throws(() => parseOperations(parseMessage(bytes, head), 'a', 200), { code: 'PERMISSION_DENIED' }, text);
  }
  t.end();
});
