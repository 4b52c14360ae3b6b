/** The fields of messages against a plain model: which text is a message, and of keys that come twice which counts. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { test } from 'tap';
import { Fields } from '../../src/protocol/fields.js';
import { JsonFault } from '../../src/protocol/json/json-reader.js';
import { isObject, parseJson } from '../support/values/json-model.js';
import {
  hardStrings,
  JsonObject,
  jsonValues,
  mutate,
  mutations,
  spell,
  spellings,
  type Json,
} from '../support/values/json-text.js';
import { holds } from '../support/values/property.js';

const known = ['documentId', 'field', 'value', 'clock', 'clientId', 'timestamp', 'state', 'messageId'] as const;
const names = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...known, 'delta', 'deltas', 'payload', 'type', 'id') },
  hardStrings,
);

/** Objects in which keys come twice, one in the other where a message looks into them. */
const { object: messages } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    jsonValues,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.array(fc.tuple(names, tie('value')), { maxLength: 6 }).map((entries) => new JsonObject(entries)),
}));
const texts = fc.tuple(messages, spellings).map(([message, spelling]) => Buffer.from(spell(message, spelling)));

function read(bytes: Buffer): Fields | undefined {
  try {
    return Fields.read(bytes, 0, bytes.length);
  } catch (error) {
    assert.ok(error instanceof JsonFault, String(error));
    return undefined;
  }
}

function model(bytes: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const value = parseJson(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Compares every known field with what the model has. */
function compare(fields: Fields, wanted: Record<string, unknown>): void {
  for (const key of known) {
    const value = Object.hasOwn(wanted, key) ? wanted[key] : undefined;
    assert.equal(fields.has(key), value !== undefined);
    assert.equal(fields.isNothing(key), value === undefined || value === null);
    assert.equal(fields.isObject(key), isObject(value));
    assert.equal(fields.text(key), typeof value === 'string' ? value : undefined);
    assert.deepEqual(fields.number(key), typeof value === 'number' ? value : undefined);
    const json = fields.value(key);
    assert.deepEqual(json === undefined ? undefined : parseJson(json.json), value);
    if (isObject(value)) assert.equal(json?.removal, value['__deleted'] === true);
    const counts = isObject(value) ? Object.entries(value) : [];
    const numbers = counts.map(([name, count]) => [name, typeof count === 'number' ? count : undefined]);
    assert.deepEqual(Object.fromEntries(fields.counts(key)), Object.fromEntries(numbers));
  }
  assert.deepEqual(parseJson(fields.whole().json), wanted);
}

test('VAL2 a message is read where it is JSON, and of keys that come twice the last one counts', (t) => {
  let taken = 0;
  let refused = 0;
  holds(
    t,
    fc.property(
      fc.oneof(
        texts,
        fc.tuple(texts, mutations).map(([bytes, changes]) => mutate(bytes, changes)),
      ),
      (bytes) => {
        const wanted = model(bytes);
        const fields = read(bytes);
        assert.equal(fields !== undefined, wanted !== undefined, bytes.toString());
        if (fields === undefined || wanted === undefined) {
          refused++;
          return;
        }
        taken++;
        compare(fields, wanted);
        const { delta, deltas } = wanted;
        const entries = fields.delta();
        assert.equal(entries !== undefined, isObject(delta));
        if (entries !== undefined) {
          const values = Array.from(entries, ([key, { json }]) => [key, parseJson(json)] as const);
          assert.deepEqual(Object.fromEntries(values), delta);
        }
        const operations = fields.deltas();
        assert.equal(operations !== undefined, Array.isArray(deltas));
        operations?.forEach((operation, i) => {
          const one: unknown = (deltas as unknown[])[i];
          assert.equal(operation !== undefined, isObject(one));
          if (operation !== undefined) compare(operation, one as Record<string, unknown>);
        });
      },
    ),
    2_000,
  );
  t.ok(taken > 400 && refused > 200, `${taken} taken, ${refused} refused`);
  t.end();
});

test('CON5 of a JSON message, the fields of `payload` come before its own', (t) => {
  holds(
    t,
    fc.property(texts, (bytes) => {
      const { payload, ...rest } = model(bytes)!;
      const inner: Record<string, unknown> = isObject(payload) ? payload : {};
      const flat = read(bytes)!.flatten();
      for (const key of [...known, 'type', 'id'] as const) {
        const isOwn = key === 'type' || key === 'id' || !Object.hasOwn(inner, key);
        const value = isOwn ? rest[key] : inner[key];
        const json = flat.value(key);
        assert.deepEqual(json === undefined ? undefined : parseJson(json.json), value);
      }
      const merged = { ...rest, ...inner };
      assert.equal(flat.delta() !== undefined, isObject(merged['delta']));
      assert.equal(flat.deltas()?.length, Array.isArray(merged['deltas']) ? merged['deltas'].length : undefined);
    }),
    800,
  );
  t.end();
});

test('a clock is the writer’s entry and the largest, or is none', (t) => {
  const clock = (json: string, writer?: string): unknown => {
    const bytes = Buffer.from(`{"clock":${json}}`);
    return Fields.read(bytes, 0, bytes.length).clock('clock', writer);
  };
  t.strictSame(clock('{}', 'a'), { counter: undefined, max: 0 });
  t.strictSame(clock('{"a":3}', 'a'), { counter: 3, max: 3 });
  t.strictSame(clock('{"b":3}', 'a'), { counter: undefined, max: 3 });
  t.strictSame(clock('{"\\u0061":3,"b":9}', 'a'), { counter: 3, max: 9 });
  t.strictSame(clock('{"a":9,"a":4}', 'a'), { counter: 4, max: 4 });
  for (const bad of ['1', '[]', '{"a":-1}', '{"a":1,"b":"2"}', '{"a":1e400}', '{"a":9007199254740992}']) {
    t.equal(clock(bad, 'a'), undefined, bad);
  }
  t.end();
});
