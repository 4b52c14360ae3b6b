/** The strict reader against JSON.parse, and against a plain model of it where JSON.parse can't be trusted with keys. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { test } from 'tap';
import { compactJson } from '../../../src/protocol/json/json-compact.js';
import { JsonFault, JsonReader } from '../../../src/protocol/json/json-reader.js';
import { decodeString } from '../../../src/protocol/json/json-string.js';
import { isObject, parseJson, parsesKeys } from '../../support/values/json-model.js';
import { hardStrings, jsonValues, mutate, mutations, spell, spellings } from '../../support/values/json-text.js';
import { holds } from '../../support/values/property.js';

const texts = fc.tuple(jsonValues, spellings).map(([value, spelling]) => Buffer.from(spell(value, spelling)));
const mutated = fc.tuple(texts, mutations).map(([bytes, changes]) => mutate(bytes, changes));
const signs = fc
  .string({ unit: fc.constantFrom(...Array.from('{}[]":,\\/ \tu019eE+-.atrufalsn\u0001é')), maxLength: 12 })
  .map((text) => Buffer.from(text));
const numbers = fc
  .string({ unit: fc.constantFrom(...Array.from('0019eE+-. ')), maxLength: 8 })
  .map((text) => Buffer.from(text));

/** Reads one value that is all of the bytes between; undefined when it is not JSON. */
function read(bytes: Buffer, start = 0, end = bytes.length): JsonReader | undefined {
  const reader = new JsonReader(bytes, start, end);
  try {
    reader.peek();
    reader.skipValue();
    reader.finish();
    return reader;
  } catch (error) {
    assert.ok(error instanceof JsonFault, String(error));
    return undefined;
  }
}

function parsed(bytes: Buffer, parse: (text: string) => unknown): { value: unknown } | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    return { value: parse(bytes.toString()) };
  } catch {
    return undefined;
  }
}

/** Of valid JSON; what a later value of the same key takes the place of counts too. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const sign of json.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if ('{['.includes(sign)) deepest = Math.max(deepest, ++depth);
    else if (']}'.includes(sign)) depth--;
  }
  return deepest;
}

test('VAL2 takes what JSON.parse takes, and nothing else', (t) => {
  let taken = 0;
  let refused = 0;
  holds(
    t,
    fc.property(fc.oneof(texts, mutated, signs, numbers), (bytes) => {
      const model = parsed(bytes, parseJson);
      const other = parsed(bytes, JSON.parse);
      assert.equal(read(bytes) !== undefined, other !== undefined, bytes.toString());
      if (parsesKeys) assert.deepEqual(model, other);
      if (other === undefined) refused++;
      else taken++;
    }),
    10_000,
  );
  t.ok(taken > 1_000 && refused > 1_000, `${taken} taken, ${refused} refused`);
  t.end();
});

test('knows how deep a value is, and whether it is a removal', (t) => {
  const removals = fc
    .tuple(
      fc.array(
        fc.tuple(
          fc.constantFrom('__deleted', '_\\u005fdeleted', '__Deleted', 'a'),
          fc.constantFrom('true', 'false', '1', '{"__deleted":true}'),
        ),
        {
          maxLength: 4,
        },
      ),
      fc.constantFrom('', ' '),
    )
    .map(([entries, space]) =>
      Buffer.from(`{${entries.map(([key, value]) => `${space}"${key}"${space}:${value}`).join(',')}}`),
    );
  holds(
    t,
    fc.property(fc.oneof(texts, mutated, removals), (bytes) => {
      const model = parsed(bytes, parseJson);
      if (model === undefined) return;
      const reader = read(bytes);
      assert.equal(reader?.depth, depthOf(bytes.toString()));
      assert.equal(reader.removal, isObject(model.value) && model.value['__deleted'] === true, bytes.toString());
    }),
    5_000,
  );
  t.end();
});

test('VAL1 without its white space a value is byte by byte what it was', (t) => {
  holds(
    t,
    fc.property(texts, (bytes) => {
      const text = bytes.toString();
      const reader = read(bytes.subarray(0, Buffer.byteLength(text.trimEnd())), text.length - text.trimStart().length);
      const compact = compactJson(bytes, 0, bytes.length);
      // Strings as they are, white space between them gone.
      const wanted = text.replace(/("(?:[^"\\]|\\.)*")|[ \n\r\t]+/g, '$1');
      assert.equal(compact, wanted);
      assert.equal(reader?.spaced, compact !== text.trim());
    }),
    3_000,
  );
  t.end();
});

test('long strings are read as short ones are, wherever they lie', (t) => {
  const pieces = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 150 }).map((length) => 'x'.repeat(length)) },
    hardStrings.map((text) => JSON.stringify(text).slice(1, -1)),
    fc.constantFrom('\\"', '\\', '"', '\u0000', '\u001f', '\u007f', 'é', '€', '\\u12', '\n'),
  );
  const long = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''));
  const broken = fc.option(fc.tuple(fc.nat(1_000), fc.constantFrom(0x80, 0xff, 0x22, 0x1f, 0x00, 0x5c)));
  holds(
    t,
    fc.property(long, fc.nat(9), fc.nat(5), broken, (content, before, after, change) => {
      const bytes = Buffer.from(`"${content}"`);
      if (change !== null) bytes[change[0] % bytes.length] = change[1];
      const all = Buffer.concat([Buffer.alloc(before, '"'), bytes, Buffer.alloc(after, '"')]);
      const wanted = parsed(bytes, JSON.parse);
      const found = read(all, before, before + bytes.length);
      assert.equal(found !== undefined, wanted !== undefined);
      if (wanted === undefined) return;
      assert.equal(decodeString(all, before + 1, before + bytes.length - 1), wanted.value);
    }),
    10_000,
  );
  t.end();
});

test('strings stand for what JSON.parse makes of them', (t) => {
  holds(
    t,
    fc.property(hardStrings, spellings, (text, spelling) => {
      const bytes = Buffer.from(spell(text, spelling).trim());
      assert.equal(decodeString(bytes, 1, bytes.length - 1), JSON.parse(bytes.toString()));
    }),
    2_000,
  );
  t.end();
});

test('nesting takes no stack, and repeated searches no more than linear time', (t) => {
  const depth = 1_000_000;
  t.equal(read(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))?.depth, depth);
  // Each run is long enough to search behind it; were nothing remembered, this would be 10^11 steps.
  t.ok(read(Buffer.from(`"${`${'x'.repeat(80)}\\n`.repeat(50_000)}"`)));
  t.ok(read(Buffer.from(`[${`"${'x'.repeat(80)}",`.repeat(50_000)}1]`)));
  t.end();
});
