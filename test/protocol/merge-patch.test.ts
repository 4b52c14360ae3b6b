import { test } from 'tap';
import { parseMergePatch } from '../../src/protocol/merge-patch.js';

const origin = { timestamp: 1, clockMax: 2 };
const parse = (text: string) => parseMergePatch(Buffer.from(text), origin, 3);

test('members set fields, null removes them', (t) => {
  t.match(parse('{"a": {"b": null}, "c":null, "d" : {"__deleted":true}, "__proto__": 1.50, "a":"last"}'), [
    { field: 'a', value: '"last"', deleted: false, ...origin },
    { field: 'c', deleted: true },
    { field: 'd', deleted: true },
    { field: '__proto__', value: '1.50', deleted: false },
  ]);
  t.same(parse('{}'), []);
  t.end();
});

test('anything else is refused', (t) => {
  const deep = '{"a":[[[[1]]]]}';
  for (const text of [
    '',
    '[]',
    '1',
    'null',
    '{"a":1}x',
    '{"a":}',
    '{"a":1},"b":2',
    deep,
    `{"${'f'.repeat(1_025)}":1}`,
  ]) {
    t.throws(() => parse(text), { code: 'INVALID_DELTA' }, text.slice(0, 20));
  }
  t.end();
});
