/** Collaborative text ends up as in the SDK core, or as it has to where that core loses deletions. */
import { test } from 'tap';
import { TextCore, TextRefused } from '../../lib/index.js';
import { clusterCount } from '../../reference/index.js';
import { decoded, encoded, escaped, stateOf, type StateObject } from '../support/text.js';
import { naming, Random, seeds } from '../support/random.js';
import { vectorCases } from '../support/vectors.js';

interface MergeCase {
  name: string;
  a: StateObject;
  b: StateObject;
  textA: string;
  textB: string;
  merged: StateObject;
  mergedText: string;
}

interface MultiCase {
  name: string;
  states: StateObject[];
  texts: string[];
  merged: StateObject;
  mergedText: string;
}

/** A text with these states merged, one after the other. */
function merged(core: TextCore, states: readonly StateObject[], asContent = false): number {
  const handle = core.open();
  for (const state of states) {
    const json = JSON.stringify(state);
    core.merge(handle, encoded(asContent ? escaped(json) : json), asContent);
  }
  return handle;
}

/** All orders of a list of up to five. */
function orders<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, index) => orders(list.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}

void test('fugue-merge: both directions, with the exact bytes', (t) => {
  const core = new TextCore();
  const cases = vectorCases('fugue-merge.json') as MergeCase[];
  for (const { name, a, b, textA, textB, merged: expected, mergedText } of cases) {
    for (const [first, second] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const asContent of [false, true]) {
        const handle = merged(core, [first, second], asContent);
        const json = JSON.stringify({ ...expected, client_id: first.client_id });
        t.equal(decoded(core.state(handle, false)), json, name);
        t.equal(decoded(core.state(handle, true)), escaped(json), name);
        t.equal(core.stateSize(handle), Buffer.byteLength(json), name);
        t.equal(core.text(handle), mergedText, name);
        core.close(handle);
      }
    }
    t.equal(core.text(merged(core, [a])), textA, name);
    t.equal(core.text(merged(core, [b])), textB, name);
  }
  t.equal(cases.length > 100, true);
  t.end();
});

void test('fugue-multi: every order and grouping', (t) => {
  const core = new TextCore();
  for (const { name, states, texts, merged: expected, mergedText } of vectorCases('fugue-multi.json') as MultiCase[]) {
    states.forEach((state, index) => t.equal(core.text(merged(core, [state])), texts[index], name));
    const failures: string[] = [];
    for (const order of orders(states)) {
      const json = JSON.stringify({ ...expected, client_id: order[0]?.client_id });
      for (let split = 1; split <= order.length; split++) {
        // The first ones joined, then the others among themselves, then both.
        const handle = merged(core, order.slice(0, split));
        if (split < order.length) {
          const others = merged(core, order.slice(split));
          core.merge(handle, core.state(others, false), false);
          core.close(others);
        }
        if (decoded(core.state(handle, false)) !== json) failures.push(order.map((state) => state.client_id).join());
        if (core.text(handle) !== mergedText) failures.push(core.text(handle));
        core.close(handle);
      }
    }
    t.same(failures, [], name);
  }
  t.end();
});

void test('fugue-text: text and length', (t) => {
  const core = new TextCore();
  for (const { name, state, text, length } of vectorCases('fugue-text.json') as {
    name: string;
    state: StateObject;
    text: string;
    length: number;
  }[]) {
    const handle = merged(core, [state]);
    t.equal(core.text(handle), text, name);
    t.equal(core.length(handle), length, name);
    core.close(handle);
  }
  t.end();
});

/** Cases whose state changes when read: empty blocks and offsets, which clients never write, are dropped. */
const kept = new Map([
  ['id and text may be missing from a block', 'dropped'],
  ['offset other than zero', 'without offset'],
]);

void test('fugue-json: reading and writing, and what is refused', (t) => {
  const core = new TextCore();
  for (const { name, input, output, error } of vectorCases('fugue-json.json') as {
    name: string;
    input: string;
    output?: string;
    error?: boolean;
  }[]) {
    for (const asContent of [false, true]) {
      const handle = core.open();
      const merge = () => core.merge(handle, encoded(asContent ? escaped(input) : input), asContent);
      if (error === true) {
        t.throws(merge, TextRefused, name);
        t.equal(core.version(handle), 0, name);
        continue;
      }
      const { canonical } = merge();
      t.equal(canonical, input === output, `${name}: canonical`);
      if (kept.has(name)) t.not(decoded(core.state(handle, false)), output, name);
      else t.equal(decoded(core.state(handle, false)), output, name);
    }
  }
  t.end();
});

/** The number of clusters that the core finds. */
function clusters(core: TextCore, text: string): number {
  const handle = core.open();
  core.merge(handle, encoded(stateOf([{ author: 'a', clock: 1000, text }])), false);
  const length = core.length(handle);
  core.close(handle);
  return length;
}

void test('graphemes: clusters are counted as clients do', (t) => {
  const core = new TextCore();
  const cases = vectorCases('graphemes.json') as { text: string; clusters: number }[];
  const wrong = cases.filter((given) => given.text !== '' && clusters(core, given.text) !== given.clusters);
  t.same(wrong, []);
  // Also between rows of ASCII, which are counted 16 at a time.
  const row = 'plain ASCII of more than sixteen bytes.';
  const wrongInside = cases.filter((given) => {
    const ends = given.text.endsWith('\r') ? 1 : 2;
    return clusters(core, `${row}\n${given.text}\n${row}`) !== given.clusters + 2 * row.length + ends;
  });
  // Extenders don't extend a line end, so the counts add up.
  t.same(wrongInside, []);
  t.end();
});

const played = seeds();

/** Ranges of code points in which much is special: marks, conjuncts, jamo, signs, emoji, flags, tags. */
const ranges = [
  [0x20, 0x400],
  [0x300, 0x36f],
  [0x483, 0x490],
  [0x600, 0x1000],
  [0x900, 0x970],
  [0x1100, 0x1200],
  [0x1000, 0x1b00],
  [0x2000, 0x2100],
  [0xac00, 0xac40],
  [0xd7b0, 0xd7ff],
  [0xfe00, 0xfe10],
  [0x11000, 0x11fff],
  [0x1f000, 0x1ffff],
  [0x1f1e6, 0x1f1ff],
  [0x1f3fb, 0x1f468],
  [0xe0000, 0xe01ff],
] as const;

function randomCodePoint(random: Random): number {
  if (random.once(6)) return random.pick([0x0d, 0x0a, 0x200c, 0x200d, 0xfe0f, 0x61, 0x94d, 0x915]);
  const [first, end] = random.pick(ranges);
  return first + random.below(end - first);
}

void test(`graphemes: core and reference count alike: ${naming(played)}`, (t) => {
  const core = new TextCore();
  for (const seed of played) {
    const random = new Random(seed);
    for (let turn = 0; turn < 30; turn++) {
      const points = Array.from({ length: 1 + random.below(200) }, () => randomCodePoint(random));
      const text = String.fromCodePoint(...points);
      const given = { text, clusters: clusterCount(text) };
      if (clusters(core, text) !== given.clusters) t.same(given, {}, `seed ${seed}`);
    }
  }
  t.end();
});
