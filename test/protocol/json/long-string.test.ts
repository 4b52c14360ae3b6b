/** Strings that are so long that the rest of them is passed by the core: read as without it. */
import assert from 'node:assert/strict';
import { TextCore } from '@synckit/core-wasm';
import fc from 'fast-check';
import { test } from 'tap';
import { JsonFault, JsonReader } from '../../../src/protocol/json/json-reader.js';
import { LONG_STRING, type LongStrings } from '../../../src/protocol/json/long-string.js';
import { holds } from '../../support/values/property.js';

const { strings } = new TextCore();

/** What a reader finds; undefined where it is not JSON. */
function found(bytes: Buffer, end: number, long?: LongStrings): object | undefined {
  const reader = new JsonReader(bytes, 0, end, long);
  try {
    reader.peek();
    reader.skipValue();
    reader.finish();
    const { at, depth, escaped, spaced } = reader;
    return { at, depth, escaped, spaced };
  } catch (error) {
    assert.ok(error instanceof JsonFault, String(error));
    return undefined;
  }
}

test('VAL2 a long string is taken or refused as without the core', (t) => {
  const parts = fc.constantFrom('\\"id\\":', '\\n', '\\u00e9', '\\\\', 'é', 'some words', ' '.repeat(70), '\\/');
  const faults = fc.constantFrom('', '', '', '', '', '', '', '"', '\\x', '\\u12g4', '\u0000', '\n', '\\', '","b":"\\"');
  const ranges = fc.record({
    unit: fc.array(parts, { minLength: 1, maxLength: 12 }),
    times: fc.integer({ min: 1, max: 1_500 }),
    fault: faults,
    at: fc.nat(60_000),
    after: fc.constantFrom('"]', '" ]', '"]', '" ]', '"', '', '\\'),
    isUtf8: fc.constantFrom(true, true, true, false),
  });
  let taken = 0;
  let refused = 0;
  holds(
    t,
    fc.property(ranges, ({ unit, times, fault, at, after, isUtf8 }) => {
      const content = unit.join('').repeat(times);
      const place = Math.min(at, content.length);
      const text = `["${content.slice(0, place)}${fault}${content.slice(place)}${after}`;
      const bytes = Buffer.from(text);
      if (!isUtf8) bytes[place + 2] = 0xff;
      const wanted = found(bytes, bytes.length);
      assert.deepEqual(found(bytes, bytes.length, strings), wanted);
      // What lies behind the message is not read.
      assert.deepEqual(found(Buffer.concat([bytes, Buffer.from('"]')]), bytes.length, strings), wanted);
      if (wanted === undefined) refused++;
      else taken++;
    }),
    600,
  );
  t.ok(taken > 50 && refused > 50, `${taken} taken, ${refused} refused`);
  t.end();
});

test('the core is given the rest of a long string once, and nothing of short ones', (t) => {
  let given = 0;
  const counting: LongStrings = {
    mostBytes: strings.mostBytes,
    passString: (bytes) => {
      given += bytes.length;
      return strings.passString(bytes);
    },
  };
  const large = Buffer.from(JSON.stringify('"'.repeat(500_000)));
  t.match(found(large, large.length, counting), { at: large.length, escaped: true });
  t.ok(given > large.length - 2 * LONG_STRING && given < large.length + strings.mostBytes, String(given));
  given = 0;
  const short = Buffer.from(JSON.stringify(Array.from({ length: 500 }, () => '"'.repeat(LONG_STRING / 2 - 10))));
  t.match(found(short, short.length, counting), { at: short.length });
  t.equal(given, 0);
  const longer = Buffer.from(JSON.stringify(Array.from({ length: 500 }, () => '"'.repeat(LONG_STRING / 2 + 10))));
  t.match(found(longer, longer.length, counting), { at: longer.length });
  t.ok(given <= 500 * LONG_STRING, 'little more than they have is copied for many that are a little longer');
  t.end();
});
