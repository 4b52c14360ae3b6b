import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { ObjectScan } from '../../../src/protocol/json/json-scan.js';
import { parseJson } from '../../support/values/json-model.js';
import { holds } from '../../support/values/property.js';
import {
  jsonValues,
  JsonObject,
  mutate,
  mutations,
  objects,
  spell,
  spellings,
  hardStrings,
} from '../../support/values/json-text.js';

const objectsAndTexts = fc
  .tuple(objects(jsonValues, fc.oneof(hardStrings, fc.constantFrom('documentId', 'type'))), spellings)
  .map(([object, spelling]) => ({ object, bytes: Buffer.from(spell(object, spelling)) }));
const objectTexts = objectsAndTexts.map(({ bytes }) => bytes);

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** Every entry the scan finds, as it reads it. */
function walk(bytes: Buffer, start = 0, end = bytes.length): { start: number; end: number; scan: ObjectScan }[] {
  const scan = new ObjectScan();
  const found: { start: number; end: number; scan: ObjectScan }[] = [];
  if (!scan.reset(bytes, start, end)) return found;
  while (scan.next()) {
    found.push({ start: scan.valueStart, end: scan.valueEnd, scan });
    assert.ok(found.length <= bytes.length, 'the walk does not end');
  }
  return found;
}

test('finds each key of any object where JSON.parse does, and reads the same value', (t) => {
  const scan = new ObjectScan();
  holds(
    t,
    fc.property(objectsAndTexts, ({ object, bytes }) => {
      const parsed = parseJson(bytes.toString()) as Record<string, unknown>;
      assert.equal(scan.reset(bytes, 0, bytes.length), true);
      for (const [key] of object.entries) {
        assert.equal(scan.next(), true);
        // The scan is asked for ASCII names only.
        if (isAscii(key)) assert.equal(scan.keyIs(key), true);
        assert.equal(scan.keyIs('documentId'), key === 'documentId');
        const value = parsed[key];
        assert.deepEqual(parseJson(bytes.toString('utf8', scan.valueStart, scan.valueEnd)), value);
        assert.equal(scan.stringValue(), typeof value === 'string' ? value : undefined);
        assert.equal(scan.numberValue(), typeof value === 'number' ? value : undefined);
        assert.equal(scan.isObject(), typeof value === 'object' && value !== null && !Array.isArray(value));
      }
      assert.equal(scan.next(), false);
    }),
    2_000,
  );
  t.end();
});

test('reads only the range that it is given', (t) => {
  holds(
    t,
    fc.property(
      objectTexts,
      fc.uint8Array({ maxLength: 5 }),
      fc.constantFrom('', ',"a":1}', '}', '"'),
      (bytes, before, after) => {
        const all = Buffer.concat([before, bytes, Buffer.from(after)]);
        const inside = walk(all, before.length, before.length + bytes.length);
        assert.deepEqual(
          inside.map((entry) => all.toString('latin1', entry.start, entry.end)),
          walk(bytes).map((entry) => bytes.toString('latin1', entry.start, entry.end)),
        );
      },
    ),
  );
  t.end();
});

test('CON6 any bytes: never an exception, always an end, and no range outside of them', (t) => {
  const anyBytes = fc.oneof(
    fc.tuple(objectTexts, mutations).map(([bytes, changes]) => mutate(bytes, changes)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: fc.constantFrom(...Array.from('{}[]":,\\ a1')), maxLength: 40 }).map((text) => Buffer.from(text)),
  );
  holds(
    t,
    fc.property(anyBytes, (bytes) => {
      for (const { start, end, scan } of walk(bytes)) {
        assert.ok(0 < start && start <= end && end <= bytes.length);
        scan.keyIs('documentId');
        scan.stringValue();
        scan.numberValue();
      }
    }),
    5_000,
  );
  t.end();
});

test('mutated text that is still JSON is read as JSON.parse reads it', (t) => {
  holds(
    t,
    fc.property(objectTexts, mutations, (text, changes) => {
      const bytes = mutate(text, changes);
      let parsed: unknown;
      try {
        parsed = parseJson(bytes.toString());
      } catch {
        return;
      }
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
        assert.equal(new ObjectScan().reset(bytes, 0, bytes.length), false);
        return;
      }
      const last = new Map<string, string>();
      const scan = new ObjectScan();
      scan.reset(bytes, 0, bytes.length);
      while (scan.next()) {
        for (const key of Object.keys(parsed)) {
          if (isAscii(key) && scan.keyIs(key)) last.set(key, bytes.toString('utf8', scan.valueStart, scan.valueEnd));
        }
      }
      for (const [key, value] of Object.entries(parsed)) {
        if (isAscii(key)) assert.deepEqual(parseJson(last.get(key)!), value);
      }
    }),
    5_000,
  );
  t.end();
});

test('of a key that comes twice the first is found first', (t) => {
  const twice = new JsonObject([
    ['a', 1],
    ['documentId', 'first'],
    ['documentId', 'second'],
  ]);
  const bytes = Buffer.from(spell(twice, [1]));
  const scan = new ObjectScan();
  scan.reset(bytes, 0, bytes.length);
  const found: (string | undefined)[] = [];
  while (scan.next()) if (scan.keyIs('documentId')) found.push(scan.stringValue());
  t.strictSame(found, ['first', 'second']);
  t.end();
});

test('a key in an object further in is not one of the outer', (t) => {
  const bytes = Buffer.from('{"a":{"documentId":"in"},"b":[{"documentId":"in"}],"c":"\\"documentId\\":","d":1}');
  const scan = new ObjectScan();
  scan.reset(bytes, 0, bytes.length);
  while (scan.next()) t.equal(scan.keyIs('documentId'), false);
  t.end();
});

test('deep nesting costs no stack', (t) => {
  const depth = 500_000;
  const bytes = Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)},"b":"found"}`);
  const scan = new ObjectScan();
  scan.reset(bytes, 0, bytes.length);
  t.ok(scan.next() && scan.next() && scan.keyIs('b'));
  t.equal(scan.stringValue(), 'found');
  t.end();
});

test('an entry that is not whole is none', (t) => {
  const broken = ['{"a', '{"a"', '{"a":', '{"a":{', '{"a":[1', '{"a":"', '{"a":"\\"', '{a:1}', '{"a" 1}', '{1:1}'];
  for (const text of broken) t.equal(walk(Buffer.from(text)).length, 0, text);
  t.equal(walk(Buffer.from('{"a":1,"b":{"c":2')).length, 1, 'those before it are found');
  t.end();
});

test('what is no object is none', (t) => {
  for (const text of ['', ' ', '[]', '"{"', '1', 'null', '}', '\ufeff{}']) {
    t.equal(new ObjectScan().reset(Buffer.from(text), 0, Buffer.byteLength(text)), false, JSON.stringify(text));
  }
  t.equal(new ObjectScan().reset(Buffer.from('  {}'), 0, 2), false, 'an object after the range');
  t.end();
});
