/** Values in operations: as they came, as deep as allowed, with the keys that they have. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { DELETED_VALUE, MAX_FIELD_BYTES } from '../../src/protocol/operations.js';
import { isObject, parseJson } from '../support/values/json-model.js';
import { hardStrings, jsonValues, spell, spellings } from '../support/values/json-text.js';
import { codeOf, MAX_DEPTH, parse, parseAll } from '../support/values/operations.js';
import { holds } from '../support/values/property.js';

test('VAL3 a value may be nested as deep as configured', (t) => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  for (const depth of [0, 1, MAX_DEPTH, MAX_DEPTH + 1, 500_000]) {
    const value = depth === 0 ? '1' : nested(depth);
    const wanted = depth <= MAX_DEPTH ? 'applied' : 'INVALID_DELTA';
    t.equal(codeOf('delta', `{"field":"f","value":${value}}`), wanted);
    t.equal(codeOf('delta', `{"delta":{"a":1,"f":${value}}}`), wanted);
    t.equal(codeOf('delta_batch', `{"deltas":[{"field":"f","value":${value}}]}`), wanted);
    t.equal(codeOf('delta_batch', `{"deltas":[{"type":"counter","value":${value}}]}`), wanted, 'also one sent on');
  }
  t.equal(codeOf('delta', `{"field":"f","value":1,"x":${nested(500_000)}}`), 'applied');
  t.end();
});

test('VAL1 values are kept as they came, white space outside of strings aside', (t) => {
  const exact = [
    '9007199254740993',
    '3791411052119578828',
    '1E400',
    '1e400',
    '-0',
    '-0.0',
    '1.10',
    '0.1e-7',
    '"\\u0041\\/"',
  ];
  for (const value of exact) {
    const spaced = ` { "b" : [ ${value} , "a b" ] , "a" : ${value} } `;
    const compact = `{"b":[${value},"a b"],"a":${value}}`;
    for (const [sent, kept] of [
      [value, value],
      [spaced, compact],
    ] as const) {
      t.equal(parse('delta', `{"field":"f","value":${sent}}`)[0]?.value, kept);
      t.equal(parse('delta', `{"delta":{"f":${sent}}}`)[0]?.value, kept);
      t.equal(parse('delta_batch', `{"deltas":[{"field":"f","value":${sent}}]}`)[0]?.value, kept);
      const relayed = parseAll('delta_batch', `{"deltas":[ {"type":"counter", "value":${sent}} ]}`).relays;
      t.strictSame(relayed, [`{"type":"counter","value":${kept}}`]);
    }
  }
  holds(
    t,
    fc.property(jsonValues, hardStrings, spellings, (value, field, spelling) => {
      if (!field.isWellFormed() || Buffer.byteLength(field) > MAX_FIELD_BYTES) return;
      const json = spell(value, spelling);
      const sent = parseJson(json);
      const text = `{"value":${json},"field":${spell(field, spelling)}}`;
      if (codeOf('delta', text) !== 'applied') return; // too deep
      const [operation] = parse('delta', text);
      assert.equal(operation?.field, field);
      const compact = json.replace(/("(?:[^"\\]|\\.)*")|[ \n\r\t]+/g, '$1');
      assert.equal(operation.value, isObject(sent) && sent['__deleted'] === true ? DELETED_VALUE : compact);
      assert.ok(operation.value.isWellFormed());
    }),
    1_000,
  );
  t.end();
});

test('VAL2 keys written with escapes stay what they are, whatever came before', (t) => {
  // JSON.parse of V8 13.6 to 14.1 confuses the keys of the second object with those of the first.
  parse('delta', '{"delta":{"\\"":1,"\\\\":2}}');
  const fields = parse('delta', '{"delta":{"\\n":1,"\\u0001":2}}').map(({ field }) => field);
  t.strictSame(fields, ['\n', '\u0001']);
  parse('delta', '{"field":"f","value":1,"clientId":"a","clock":{"\\"":1,"\\\\":2}}');
  const [set] = parse('delta', '{"field":"f","value":1,"clientId":"\\u0001","clock":{"\\n":1,"\\u0001":2}}');
  t.equal(set?.counter, 2);
  t.strictSame(
    parse('delta', '{"delta":{"a":1,"b":2,"\\u0061":3}}').map(({ field, value }) => [field, value]),
    [
      ['a', '3'],
      ['b', '2'],
    ],
    'the last of a key counts',
  );
  t.end();
});
