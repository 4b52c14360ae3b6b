import { test } from 'tap';
import { Fields } from '../../src/protocol/fields.js';
import { messageIdOf, parseVector } from '../../src/protocol/message.js';

function fieldsOf(message: unknown): Fields {
  const bytes = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  return Fields.read(bytes, 0, bytes.length);
}

test('ACK2 a message is acknowledged by its messageId, else by its id', (t) => {
  t.equal(messageIdOf(fieldsOf({ messageId: 'a', id: 'b' })), 'a');
  t.equal(messageIdOf(fieldsOf({ messageId: 1, id: 'b' })), 'b');
  t.equal(messageIdOf(fieldsOf({ messageId: '', id: 'b' })), '');
  t.equal(messageIdOf(fieldsOf({ id: 2 })), undefined);
  t.end();
});

test('a vector clock has counts, or is none', (t) => {
  const vector = (vectorClock?: unknown): ReadonlyMap<string, number> | undefined =>
    parseVector(fieldsOf({ vectorClock }), 'vectorClock', 10)?.entries;
  t.equal(vector(), undefined);
  t.equal(vector(null), undefined);
  t.equal(vector({}), undefined);
  t.strictSame(
    [...(parseVector(fieldsOf('{"vectorClock":{"a":1,"__proto__":0}}'), 'vectorClock', 10)?.entries ?? [])],
    [
      ['a', 1],
      ['__proto__', 0],
    ],
  );
  t.strictSame(
    [...(parseVector(fieldsOf('{"vectorClock":{"a":-1,"b":1e1,"\\u0061":3}}'), 'vectorClock', 10)?.entries ?? [])],
    [
      ['a', 3],
      ['b', 10],
    ],
    'the last of a key counts',
  );
  for (const bad of [1, 'x', [], { a: -1 }, { a: '1' }, { a: 1.5 }, { a: null }]) {
    t.throws(() => vector(bad), { code: 'INVALID_MESSAGE' }, JSON.stringify(bad));
  }
  t.end();
});

test('of a long vector some entries are taken, and those that stand for no writer', (t) => {
  const entries = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`c${i}`, i]));
  const vectorClock = { ...entries, server: 5, '#': 7, '#+': 0 };
  const { entries: taken, largest } = parseVector(fieldsOf({ vectorClock }), 'vectorClock', 10)!;
  t.equal(taken.size, 13);
  t.match(Object.fromEntries(taken), { c0: 0, c9: 9, server: 5, '#': 7, '#+': 0 });
  t.equal(largest, 999, 'of all of them');
  t.end();
});
