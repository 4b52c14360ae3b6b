/** Clusters as clients count them (vectors/graphemes.json). */
import { test } from 'tap';
import { clusterCount, clusterOffsets, splitClusters } from '../../reference/index.js';
import { vectorCases } from '../support/vectors.js';

interface Case {
  readonly text: string;
  readonly clusters: number;
}

const cases = vectorCases('graphemes.json') as Case[];

/** Some of the texts would break the lines of the report. */
function escaped(text: string): string {
  return Array.from(text, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`).join('');
}

void test('clusters are counted as clients count them', (t) => {
  const wrong = cases.filter(({ text, clusters }) => clusterCount(text) !== clusters);
  t.same(
    wrong.map(({ text }) => escaped(text)),
    [],
  );
  t.ok(cases.length > 400, `${cases.length} texts`);
  t.end();
});

void test('texts are split between clusters', (t) => {
  for (const { text, clusters } of cases) {
    const parts = splitClusters(text);
    const counts = [...parts.keys()];
    const offsets = counts.map((count) => parts.slice(0, count).join('').length);
    const right = parts.length === clusters && parts.join('') === text;
    if (!right || clusterOffsets(text, counts).join() !== offsets.join()) t.fail(escaped(text));
  }
  t.pass(`${cases.length} texts`);
  t.end();
});

void test('a cut between clusters leaves their number', (t) => {
  for (const { text, clusters } of cases) {
    for (const offset of clusterOffsets(text, [...splitClusters(text).keys()])) {
      const sum = clusterCount(text.slice(0, offset)) + clusterCount(text.slice(offset));
      if (sum !== clusters) t.equal(sum, clusters, `${escaped(text)} at ${offset}`);
    }
  }
  t.pass(`${cases.length} texts`);
  t.end();
});

void test('long texts are split in linear time', (t) => {
  const marks = 'e' + '\u0301'.repeat(200_000);
  t.equal(clusterCount(marks), 1);
  t.equal(clusterCount('🇫🇷'.repeat(100_000)), 100_000);
  t.equal(clusterCount('👩\u200d'.repeat(100_000)), 1);
  t.end();
});
