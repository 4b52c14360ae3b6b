/** What no client sends is refused or repaired, in bounded time, and other texts are not affected. */
import { test } from 'tap';
import { TextCore, TextRefused } from '../../lib/index.js';
import { Random } from '../support/random.js';
import { decoded, encoded, escaped, stateOf, type ShortBlock } from '../support/text.js';

/** Far above the usual time, far below that of a quadratic algorithm. */
const patience = 10_000;
const most = Number.MAX_SAFE_INTEGER;

const attacks: Record<string, () => ShortBlock[]> = {
  'origins that point to themselves': () =>
    many(20_000, (index) => ({ author: 'a', clock: index, text: 'x', left: ['a', index], right: ['a', index] })),
  'origins that point at each other': () =>
    many(50_000, (index) => ({ author: 'a', clock: index, text: 'x', left: ['a', ((index + 1) ^ 1) + 1] })),
  'origins in circles': () =>
    many(50_000, (index) => ({
      author: 'a',
      clock: index,
      text: 'x',
      left: ['a', (index % 50_000) + 1],
      right: ['a', 1],
    })),
  'origins that point to later blocks': () =>
    many(50_000, (index) => ({
      author: 'a',
      clock: index,
      text: 'x',
      left: ['a', index + 1],
      right: ['a', index + 2],
    })),
  'origins that nobody knows': () =>
    many(20_000, (index) => ({ author: 'a', clock: index, text: 'x', left: [`b${index}`, 1], right: ['c', most] })),
  '100 000 blocks in one chain': () =>
    many(100_000, (index) => ({
      author: 'a',
      clock: index,
      text: 'x',
      left: index > 1 ? ['a', index - 1] : undefined,
    })),
  '100 000 blocks, each left of the one before': () =>
    many(100_000, (index) => ({
      author: 'a',
      clock: index,
      text: 'x',
      right: index > 1 ? ['a', index - 1] : undefined,
    })),
  '100 000 blocks between the first and the last': () =>
    many(100_000, (index) => ({
      author: 'a',
      clock: index,
      text: 'x',
      left: ['a', index - 1],
      right: index > 2 ? ['a', 1] : undefined,
    })),
  '50 000 authors': () => many(50_000, (index) => ({ author: `author ${index}`, clock: 1, text: 'x' })),
  'ranges that overlap': () =>
    many(1500, (index) => ({ author: 'a', clock: 1500 + index, text: letter(index).repeat(1500) })),
  'ranges that overlap, of clusters that must be counted': () =>
    many(700, (index) => ({ author: 'a', clock: 700 + index, text: 'é'.repeat(700), deleted: index % 2 === 0 })),
  'a long block over 50 000 short ones': () => [
    ...many(50_000, (index) => ({ author: 'a', clock: index, text: letter(index) })),
    { author: 'a', clock: 50_001, text: 'm'.repeat(50_001) },
  ],
  'clocks smaller than the text is long': () =>
    many(1000, (index) => ({ author: 'a', clock: index, text: 'xyz'.repeat(1000) })),
  'clocks at both ends': () => [
    { author: 'a', clock: 0, text: 'xyz' },
    { author: 'a', clock: most, text: 'xyz', left: ['a', most], right: ['a', 0] },
    { author: 'b', clock: most - 1, text: 'x' },
  ],
  'the same id many times': () => many(50_000, (index) => ({ author: 'a', clock: 3, text: letter(index) })),
  'in descending order': () => many(50_000, (index) => ({ author: 'a', clock: 50_001 - index, text: 'x' })),
  'one cluster of 20 000 marks': () => [{ author: 'a', clock: 2, text: `xe${'\u0301'.repeat(20_000)}` }],
  '20 000 flags': () => [{ author: 'a', clock: 20_000, text: '🇫🇷'.repeat(20_000) }],
  '20 000 joiners': () => [{ author: 'a', clock: 20_000, text: '👨\u200d'.repeat(20_000) }],
  'names like those of JavaScript': () =>
    ['__proto__', 'constructor', '', '"', '\\', '\u0000', '\n', '\ud83d\ude00'].map((author) => {
      return { author, clock: 1, text: '__proto__', left: ['__proto__', 1] };
    }),
};

function many(count: number, make: (index: number) => ShortBlock): ShortBlock[] {
  return Array.from({ length: count }, (_, index) => make(index + 1));
}

function letter(index: number): string {
  return String.fromCharCode(97 + (index % 26));
}

/** Merges, reads and writes; returns the state. */
function taken(core: TextCore, handle: number, state: string): string {
  core.merge(handle, encoded(escaped(state)), true);
  core.merge(handle, encoded(state), false);
  core.text(handle);
  core.length(handle);
  core.apply(core.open(), [core.changesSince(handle, 0)]);
  return decoded(core.state(handle, false));
}

for (const [name, blocks] of Object.entries(attacks)) {
  void test(name, (t) => {
    const core = new TextCore();
    const [handle, other, again] = [core.open(), core.open(), core.open()];
    const kept = stateOf([{ author: 'other', clock: 3, text: 'abc' }]);
    core.merge(other, encoded(kept), false);
    const state = stateOf(blocks());
    const start = performance.now();
    const result = taken(core, handle, state);
    const elapsed = performance.now() - start;
    t.ok(elapsed < patience, `${Math.round(elapsed)} ms for ${state.length} bytes`);
    t.same(core.merge(again, encoded(result), false), { changed: true, same: true, canonical: true });
    t.equal(core.text(again), core.text(handle));
    t.same(core.merge(handle, encoded(result), false), { changed: false, same: true, canonical: true });
    t.equal(core.text(other), 'abc');
    t.end();
  });
}

void test('a deep unknown value is refused or skipped, without recursion', (t) => {
  const core = new TextCore();
  const handle = core.open();
  const deep = (levels: number) => `{"x":${'['.repeat(levels)}${']'.repeat(levels)},${stateOf([]).slice(1)}`;
  t.throws(() => core.merge(handle, encoded(deep(100_000)), false), TextRefused);
  t.same(core.merge(handle, encoded(deep(100)), false), { changed: false, same: true, canonical: false });
  t.end();
});

const valid = stateOf([
  { author: 'a', clock: 3, text: 'äbc' },
  { author: 'b', clock: 4, text: '\n"', left: ['a', 1], right: ['a', 2], deleted: true },
]);

void test('every way to cut a state off is refused, with the text unharmed', (t) => {
  const core = new TextCore();
  const handle = core.open();
  core.merge(handle, encoded(valid), false);
  const before = decoded(core.state(handle, false));
  const size = core.byteSize(handle);
  const wrong: string[] = [];
  for (const [bytes, asContent] of [
    [encoded(valid), false],
    [encoded(escaped(valid)), true],
  ] as const) {
    for (let end = 0; end < bytes.length; end++) {
      try {
        core.merge(handle, bytes.subarray(0, end), asContent);
        wrong.push(`${end} bytes`);
      } catch (error) {
        if (!(error instanceof TextRefused) || error.fault !== 'invalid') throw error;
      }
    }
  }
  t.same(wrong, []);
  t.equal(decoded(core.state(handle, false)), before);
  t.equal(core.version(handle), 1);
  t.equal(core.byteSize(handle), size);
  t.end();
});

void test('bytes that are not UTF-8 are refused, as are numbers that are no clocks', (t) => {
  const core = new TextCore();
  const handle = core.open();
  const [before = '', after = ''] = stateOf([{ author: 'a', clock: 9, text: '§' }]).split('§');
  const sequences = [
    ...[[0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xc3], [0xc3, 0x28], [0xe0, 0x80, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80]],
    ...[[0xf0, 0x80, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xf0, 0x9f, 0x98]],
  ];
  for (const sequence of sequences) {
    const state = Buffer.concat([encoded(before), Uint8Array.from(sequence), encoded(after)]);
    t.throws(() => core.merge(handle, state, false), TextRefused, sequence.join());
  }
  for (const number of [
    '9007199254740992',
    '18446744073709551616',
    '1'.repeat(40),
    '01',
    '-0',
    '1.0',
    '1e1',
    '"1"',
    '',
  ]) {
    t.throws(() => core.merge(handle, encoded(valid.replaceAll('"clock":3', `"clock":${number}`)), false), TextRefused);
    t.throws(() => core.merge(handle, encoded(stateOf([]).replace('0', number)), false), TextRefused, number);
  }
  t.equal(core.version(handle), 0);
  t.end();
});

void test('damaged changes are refused, with the text unharmed', (t) => {
  const core = new TextCore();
  const source = core.open();
  core.merge(source, encoded(valid), false);
  const changes = core.changesSince(source, 0);
  const handle = core.open();
  const other = stateOf([{ author: 'b', clock: 4, text: 'other' }]);
  core.merge(handle, encoded(other), false);
  const before = decoded(core.state(handle, false));
  for (let end = 0; end < changes.length; end++) {
    t.throws(() => core.apply(handle, [changes, changes.subarray(0, end)]), TextRefused);
  }
  t.throws(() => core.apply(handle, [Uint8Array.of(...changes, 0)]), TextRefused);
  t.equal(decoded(core.state(handle, false)), before);
  // Undetected damage must be harmless too.
  const random = new Random(7);
  for (let turn = 0; turn < 5000; turn++) {
    const damaged = changes.slice();
    damaged[random.below(damaged.length)] = random.below(256);
    const target = core.open();
    try {
      core.apply(target, [damaged]);
      const state = core.state(target, false);
      const again = core.open();
      core.merge(again, state, false);
      if (core.text(again) !== core.text(target)) t.fail(`turn ${turn}`);
      core.close(again);
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
    }
    core.close(target);
  }
  t.end();
});

void test('a text that would become too large is refused, with the text unharmed', (t) => {
  const core = new TextCore({ maxStateBytes: 1000 });
  const handle = core.open();
  const block = (author: string, length: number) => stateOf([{ author, clock: length, text: 'x'.repeat(length) }]);
  core.merge(handle, encoded(block('a', 500)), false);
  const before = decoded(core.state(handle, false));
  const size = core.byteSize(handle);
  for (let turn = 0; turn < 100; turn++) {
    t.throws(() => core.merge(handle, encoded(block(`b${turn}`, 500)), false), {
      name: 'TextRefused',
      fault: 'tooLarge',
    });
  }
  t.equal(decoded(core.state(handle, false)), before);
  t.equal(core.byteSize(handle), size);
  t.equal(core.merge(handle, encoded(block('b', 10)), false).changed, true);
  const large = new TextCore();
  const source = large.open();
  large.merge(source, encoded(block('c', 5000)), false);
  t.equal(core.apply(handle, [large.changesSince(source, 0)]).changed, true, 'what was a text before may be one again');
  t.equal(core.merge(handle, encoded(block('b', 10)), false).changed, false, 'and nothing new is no reason to refuse');
  t.throws(() => core.merge(handle, encoded(block('d', 10)), false), TextRefused);
  const empty = core.open();
  t.throws(() => core.merge(empty, encoded(block('a', 2000)), false), TextRefused);
  t.equal(core.merge(empty, encoded(stateOf([], 0, 'first')), false).changed, false);
  t.match(decoded(core.state(empty, false)), /"client_id":"first"/);
  t.throws(() => new TextCore({ maxStateBytes: -1 }), RangeError);
  t.throws(() => new TextCore({ maxStateBytes: NaN }), RangeError);
  t.end();
});
