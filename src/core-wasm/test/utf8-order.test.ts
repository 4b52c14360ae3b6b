/** The reference implementation orders strings by their UTF-8 bytes. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { compareUtf8 } from '../reference/utf8-order.js';

void test('strings compare by their UTF-8 bytes', (t) => {
  const letters = [
    '',
    'a',
    'b',
    '\u007f',
    '\u0080',
    'é',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '～',
    '\uffff',
    '😀',
    '\u{10ffff}',
  ];
  const strings = letters.flatMap((first) => letters.map((second) => first + second));
  for (const a of strings) {
    for (const b of strings) {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.equal(Math.sign(compareUtf8(a, b)), expected, JSON.stringify([a, b]));
    }
  }
  t.pass(`${strings.length ** 2} pairs`);
  t.end();
});
