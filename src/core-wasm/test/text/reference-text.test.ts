/** The reference implementation of texts on the texts of clients (vectors/fugue-*.json). */
import { isDeepStrictEqual } from 'node:util';
import { test } from 'tap';
import { TextRefused } from '../../lib/index.js';
import { ReferenceText } from '../../reference/index.js';
import { documentOrder } from '../../reference/text-order.js';
import { compareRuns, toRun } from '../../reference/text-run.js';
import { readTextState } from '../../reference/text-state.js';
import { naming, Random, seeds } from '../support/random.js';
import { vectorCases } from '../support/vectors.js';

interface State {
  readonly blocks: readonly unknown[];
  readonly clock: { readonly value: number };
}

interface MergeCase {
  readonly name: string;
  readonly a: State;
  readonly b: State;
  readonly textA: string;
  readonly textB: string;
  readonly merged: State;
  readonly mergedText: string;
}

interface MultiCase {
  readonly name: string;
  readonly states: readonly State[];
  readonly texts: readonly string[];
  readonly merged: State;
  readonly mergedText: string;
}

interface TextCase {
  readonly name: string;
  readonly state: State;
  readonly text: string;
  readonly length: number;
  readonly visible: readonly (readonly [author: string, last: number, clusters: number])[];
}

interface JsonCase {
  readonly name: string;
  readonly input: string;
  readonly output?: string;
  readonly error?: true;
}

const merges = vectorCases('fugue-merge.json') as MergeCase[];
const multis = vectorCases('fugue-multi.json') as MultiCase[];
const store = new ReferenceText();

/** A text of the states, joined one by one. */
function textOf(...states: readonly (object | string)[]): number {
  const handle = store.open();
  for (const state of states) store.merge(handle, bytes(state), false);
  return handle;
}

function bytes(state: object | string): Uint8Array {
  return Buffer.from(typeof state === 'string' ? state : JSON.stringify(state));
}

function stateOf(handle: number): State {
  return JSON.parse(Buffer.from(store.state(handle, false)).toString()) as State;
}

/** A state without its client id. */
function bare({ blocks, clock }: State): object {
  return { blocks, clock };
}

void test('pairs of states are joined as required, in both directions', (t) => {
  for (const { name, a, b, textA, textB, merged, mergedText } of merges) {
    t.equal(store.text(textOf(a)), textA, name);
    t.equal(store.text(textOf(b)), textB, name);
    for (const handle of [textOf(a, b), textOf(b, a), textOf(a, b, a, merged, b)]) {
      t.same(bare(stateOf(handle)), bare(merged), name);
      t.equal(store.text(handle), mergedText, name);
      t.equal(store.stateSize(handle), store.state(handle, false).length);
      t.equal(store.blockCount(handle), merged.blocks.length);
      t.equal(store.clock(handle), merged.clock.value);
    }
  }
  t.end();
});

void test('states of several replicas are joined as required, in every order and grouping', (t) => {
  for (const { name, states, texts, merged, mergedText } of multis) {
    t.same(
      states.map((state) => store.text(textOf(state))),
      texts,
    );
    const orders = permutations(states).map((order) => textOf(...order));
    const groups = partitions(states).map(([some, others]) =>
      textOf(stateOf(textOf(...some)), stateOf(textOf(...others))),
    );
    // Thousands of them: an assertion each would take most of the time.
    const wrong = [...orders, ...groups].filter(
      (one) => store.text(one) !== mergedText || !isDeepStrictEqual(bare(stateOf(one)), bare(merged)),
    );
    t.same(
      wrong.map((one) => stateOf(one)),
      [],
      name,
    );
  }
  t.end();
});

void test('texts are shown as clients show them', (t) => {
  for (const { name, state, text, length, visible } of vectorCases('fugue-text.json') as TextCase[]) {
    const handle = textOf(state);
    t.equal(store.text(handle), text, name);
    t.equal(store.length(handle), length, name);
    const { blocks } = readTextState(JSON.stringify(state));
    const order = documentOrder(blocks.map(toRun).sort(compareRuns));
    const shown = order
      .filter((run) => !run.deleted)
      .map(({ author, first, last }) => [author, last, last - first + 1]);
    t.same(shown, visible, name);
  }
  t.end();
});

void test('states are read and written as clients do it', (t) => {
  // What JSON.parse can't distinguish from valid numbers; a stricter reader is not needed.
  const lenient = ['error: fractional clock', 'error: exponent clock'];
  for (const { name, input, output, error } of vectorCases('fugue-json.json') as JsonCase[]) {
    const handle = store.open();
    if (error === true && !lenient.includes(name)) {
      t.throws(() => store.merge(handle, bytes(input), false), { name: 'TextRefused', fault: 'invalid' }, name);
      t.equal(store.version(handle), 0);
      continue;
    }
    const merge = store.merge(handle, bytes(input), false);
    t.equal(merge.canonical, input === output, name);
    // We write no blocks without text and no offsets, and the clock is never below those of the ids.
    const written = merge.same && output !== undefined ? output : undefined;
    if (written !== undefined) t.same(stateOf(handle).blocks, (JSON.parse(written) as State).blocks, name);
  }
  t.end();
});

void test('a state may be the content of a string', (t) => {
  for (const { a, b } of merges) {
    const plain = textOf(a, b);
    const escaped = store.open();
    for (const state of [a, b]) {
      const content = JSON.stringify(JSON.stringify(state)).slice(1, -1);
      t.equal(store.merge(escaped, bytes(content), true).canonical, true);
    }
    const content = Buffer.from(store.state(escaped, true)).toString();
    t.equal(JSON.parse(`"${content}"`), Buffer.from(store.state(plain, false)).toString());
  }
  const lone = '{\\"blocks\\":[],\\"clock\\":{\\"value\\":0},\\"client_id\\":\\"\\ud800\\"}';
  t.throws(() => store.merge(store.open(), bytes(lone), true), TextRefused);
  t.throws(() => store.merge(store.open(), Buffer.from([0x22, 0xff]), true), TextRefused);
  t.end();
});

void test('a merge returns what it did', (t) => {
  for (const { name, a, b, merged } of merges) {
    const handle = store.open();
    const empty = a.blocks.length === 0 && a.clock.value === 0;
    t.same(store.merge(handle, bytes(a), false), { changed: !empty, same: true, canonical: true }, name);
    const version = store.version(handle);
    t.equal(store.merge(handle, bytes(a), false).changed, false, name);
    t.equal(store.version(handle), version);
    const { changed, same } = store.merge(handle, bytes(b), false);
    t.equal(changed, JSON.stringify(bare(a)) !== JSON.stringify(bare(merged)), name);
    t.equal(same, JSON.stringify(b.blocks) === JSON.stringify(merged.blocks), name);
    t.equal(store.version(handle), version + Number(changed));
  }
  t.end();
});

void test('a state that would be too large is refused', (t) => {
  const small = new ReferenceText({ mostBytes: 1_000 });
  const handle = small.open();
  const block = (last: number, text: string): object => {
    const id = { client_id: 'alice', clock: last, offset: 0 };
    return { blocks: [[id, { id, text }]], clock: { value: last }, client_id: 'alice' };
  };
  t.equal(small.merge(handle, bytes(block(500, 'x'.repeat(500))), false).changed, true);
  t.throws(() => small.merge(handle, bytes(block(1_000, 'x'.repeat(500))), false), {
    name: 'TextRefused',
    fault: 'tooLarge',
  });
  t.equal(small.length(handle), 500);
  t.equal(small.version(handle), 1);
  t.end();
});

/** Few: it is slow, and what it is for, the comparison with the core, has more. */
const played = seeds(5);

void test(`changes bring a text to the state of another, ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    for (const { name, states } of multis) {
      const source = store.open();
      const steps: { version: number; change: Uint8Array }[] = [];
      for (const state of random.shuffle([...states, ...states])) {
        const version = store.version(source);
        store.merge(source, bytes(state), false);
        steps.push({ version, change: store.changesSince(source, version) });
      }
      const wanted = Buffer.from(store.state(source, false));
      const arrives = (handle: number, how: string): void => {
        if (!wanted.equals(store.state(handle, false))) t.fail(`seed ${seed}, ${name}: ${how}`);
        store.close(handle);
      };

      const whole = store.open();
      store.apply(whole, [store.changesSince(source, 0)]);
      arrives(whole, 'all at once');

      const together = store.open();
      const { incomplete } = store.apply(together, random.shuffle(steps.map(({ change }) => change)));
      if (incomplete) t.fail(`seed ${seed}, ${name}: clusters are missing`);
      arrives(together, 'changes in any order');

      const oneByOne = store.open();
      for (const { change } of steps) store.apply(oneByOne, [change]);
      arrives(oneByOne, 'changes one by one');

      const { version } = random.pick(steps);
      const late = store.open();
      store.apply(
        late,
        steps.filter((step) => step.version < version).map((step) => step.change),
      );
      store.apply(late, [store.changesSince(source, version)]);
      if (store.apply(late, [store.changesSince(source, version)]).changed) t.fail(`seed ${seed}, ${name}: twice`);
      arrives(late, 'what came later at once');
      store.close(source);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test('changes are incomplete when earlier ones are missing', (t) => {
  const id = { client_id: 'alice', clock: 3, offset: 0 };
  const cut = { client_id: 'alice', clock: 1, offset: 0 };
  const whole = { blocks: [[id, { id, text: 'abc' }]], clock: { value: 3 }, client_id: 'alice' };
  const deleted = {
    ...whole,
    blocks: [
      [cut, { id: cut, text: 'a', deleted: true }],
      [id, { id, text: 'bc' }],
    ],
  };
  const source = textOf(whole);
  const first = store.changesSince(source, 0);
  store.merge(source, bytes(deleted), false);
  const second = store.changesSince(source, 1);
  t.ok(!Buffer.from(second).includes('bc'), 'what was there is not repeated');
  const target = store.open();
  t.same(store.apply(target, [second]), { changed: true, incomplete: true });
  t.equal(store.blockCount(target), 0);
  t.same(store.apply(target, [second]), { changed: false, incomplete: true });
  t.same(store.apply(target, [second, first]), { changed: true, incomplete: false });
  t.equal(store.text(target), 'bc');
  t.same(store.apply(target, []), { changed: false, incomplete: false });
  for (const broken of ['[]', '{', '["{}",[]]', '["",[],0]']) {
    t.throws(() => store.apply(target, [first, bytes(broken)]), TextRefused);
  }
  t.equal(store.version(target), 2);
  t.end();
});

void test('a handle that is not open is refused', (t) => {
  const handle = store.open();
  store.close(handle);
  t.throws(() => store.text(handle), RangeError);
  t.throws(() => {
    store.close(handle);
  }, RangeError);
  t.end();
});

/** All ways to make two groups. */
function partitions<T>(list: readonly T[]): [T[], T[]][] {
  return Array.from({ length: 2 ** list.length }, (_, choice) => [
    list.filter((_item, index) => (choice >> index) & 1),
    list.filter((_item, index) => !((choice >> index) & 1)),
  ]);
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((item, index) => permutations(list.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
