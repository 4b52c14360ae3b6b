import { test } from 'tap';
import { keptRanges } from '../../../src/shard/text/replace/kept-ranges.js';
import { Random, seedsToPlay } from '../../support/random.js';

/** What stays, as one text. */
function keptOf(before: string, after: string, limitMs = 60_000): string {
  let [from, to, text] = [0, 0, ''];
  for (const part of keptRanges(before, after, limitMs)) {
    const shown = before.slice(part.from, part.from + part.length);
    if (
      part.length === 0 ||
      part.from < from ||
      part.to < to ||
      after.slice(part.to, part.to + part.length) !== shown
    ) {
      throw new Error(`${JSON.stringify(part)} is no part of both, in their order`);
    }
    [from, to, text] = [part.from + part.length, part.to + part.length, text + shown];
  }
  return text;
}

test('TXT2 parts that stay are in both texts, in their order', (t) => {
  for (const seed of seedsToPlay([], 200)) {
    const random = new Random(seed);
    const content = (): string =>
      Array.from({ length: random.below(40) }, () => random.pick(['a', 'b', '\n'])).join('');
    for (let i = 0; i < 10; i++) keptOf(content(), content());
  }
  t.equal(keptOf('', 'abc'), '');
  t.equal(keptOf('abc', 'abc'), 'abc');
  t.equal(keptOf('Hello wrld, how are you', 'Hello world, how are they'), 'Hello wrld, how are y');
  t.equal(keptOf('one\ntwo\nthree\nfour\n', 'two\nfour\n'), 'two\nfour\n', 'whole lines');
  t.equal(keptOf('a<insert>b', 'xb'), 'b');
  t.equal(keptOf('aaaaXbbbb', 'ccccXdddd'), '', 'what is too small between changes does not stay');
  t.end();
});

test('TXT2 texts that repeat themselves are not compared for longer than others', (t) => {
  const half = 1_000_000;
  const texts: readonly (readonly [string, string])[] = [
    ['ab'.repeat(half), `${'ba'.repeat(half)}a`],
    [`${'a'.repeat(half / 2)}b${'a'.repeat(half / 2)}`, `x${'a'.repeat(2 * half)}y`],
    ['a\nb\n'.repeat(half / 2), `${'b\na\n'.repeat(half / 2)}a`],
  ];
  // With algorithms whose time is the square of the length, this takes many minutes.
  for (const [before, after] of texts) keptOf(before, after, 50);
  t.pass('they end');
  t.end();
});

test('TXT2 a text is cut into a bounded number of parts', (t) => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  const changed = lines.map((line, i) => (i % 2 === 0 ? line : `other ${i}`));
  const kept = keptRanges(lines.join('\n'), changed.join('\n'), 1_000);
  t.ok(kept.length > 1_000 && kept.length <= 2_000, String(kept.length));
  t.end();
});

test('TXT2 texts of very many lines are not compared line by line when that takes too long', (t) => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `${i}\n`);
  const before = lines.join('');
  const after = `x\n${lines.toReversed().join('')}`;
  t.ok(keptOf(before, after, 60_000).length > 0, 'a line, as all are in another order');
  t.equal(keptOf(before, after, 1), '\n', 'only the end, which is always found');
  t.end();
});
