import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { parseValue } from '../../../src/protocol/json/parse-value.js';
import { parseJson } from '../../support/values/json-model.js';
import { holds } from '../../support/values/property.js';

/** Keys that Node 24 and 25 take for each other. */
const keys = fc.constantFrom('\n', '\u0001', '"', '\\', '__proto__', 'a', '', 'é', '\u2028');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

test('a text stands for what the plainest reading of RFC 8259 says, however its keys are written', (t) => {
  holds(
    t,
    fc.property(value, fc.constantFrom('', ' ', '\n\t '), (wanted, space) => {
      const text = JSON.stringify(wanted, undefined, space === '' ? undefined : space);
      assert.deepEqual(parseValue(text), parseJson(text), text);
    }),
    1_000,
  );
  t.strictSame(parseValue('[ {"\\n" : {"\\u0001":[ -0.5e+1 , "\\ud83d\\ude00" ]} } ,{}, [ ] ]'), [
    { '\n': { '\u0001': [-5, '😀'] } },
    {},
    [],
  ]);
  t.strictSame(Object.keys(parseValue('{"__proto__":{"\\\\":1}}') as object), ['__proto__']);
  t.end();
});
