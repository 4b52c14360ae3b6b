import { test } from 'tap';
import { messageIdOf, parseVector } from '../../src/protocol/message.js';

test('ACK2 a message is acknowledged by its messageId, else by its id', (t) => {
  t.equal(messageIdOf({ messageId: 'a', id: 'b' }), 'a');
  t.equal(messageIdOf({ messageId: 1, id: 'b' }), 'b');
  t.equal(messageIdOf({ messageId: '', id: 'b' }), '');
  t.equal(messageIdOf({ id: 2 }), undefined);
  t.end();
});

test('a vector clock has counts, or is none', (t) => {
  t.equal(parseVector(undefined), undefined);
  t.equal(parseVector(null), undefined);
  t.equal(parseVector({}), undefined);
  t.strictSame(
    [...(parseVector(JSON.parse('{"a":1,"__proto__":0}')) ?? [])],
    [
      ['a', 1],
      ['__proto__', 0],
    ],
  );
  for (const bad of [1, 'x', [], { a: -1 }, { a: '1' }, { a: 1.5 }, { a: null }]) {
    t.throws(() => parseVector(bad), { code: 'INVALID_MESSAGE' }, JSON.stringify(bad));
  }
  t.end();
});
