/** States that no client writes: the reference implementation refuses or repairs them, in bounded time. */
import { test } from 'tap';
import { documentOrder, ReferenceText } from '../../reference/index.js';
import { naming, Random, seeds } from '../support/random.js';

type Id = readonly [author: string, clock: number, offset?: number] | null;
type Block = readonly [id: NonNullable<Id>, text: string, left?: Id, right?: Id, deleted?: boolean];

const authors = ['a', 'b', '__proto__', 'constructor', '', '\u{1f600}', '\uffff'];
const most = Number.MAX_SAFE_INTEGER;
const letters = ['a', 'b', 'é', '\r\n', '\n', '\u0301', '👨‍👩‍👧', '👨\u200d', '🇫', 'क', '\u094d', 'ᄀ', '가', '"'];

function idOf(id: Id): object | null {
  return id === null ? null : { client_id: id[0], clock: id[1], offset: id[2] ?? 0 };
}

function stateOf(...blocks: readonly Block[]): Uint8Array {
  const pairs = blocks.map(([id, text, left = null, right = null, deleted = false]) => {
    const origins = { left_origin: idOf(left), right_origin: idOf(right) };
    return [idOf(id), { id: idOf(id), text, ...origins, deleted }];
  });
  return Buffer.from(JSON.stringify({ blocks: pairs, clock: { value: 0 }, client_id: 'x' }));
}

/** The resulting state, checked to be one that clients read as intended. */
function joined(...states: readonly Uint8Array[]): string {
  const store = new ReferenceText();
  const handle = store.open();
  for (const state of states) store.merge(handle, state, false);
  const bytes = store.state(handle, false);
  const again = store.open();
  const { same, canonical } = store.merge(again, bytes, false);
  const [text, reread] = [store.text(handle), store.text(again)];
  if (!same || !canonical || text !== reread) throw new Error(`not read as written: ${Buffer.from(bytes).toString()}`);
  if (store.merge(handle, bytes, false).changed) throw new Error(`not at rest: ${Buffer.from(bytes).toString()}`);
  return text;
}

function randomId(random: Random): NonNullable<Id> {
  const clock = random.once(30) ? random.pick([0, most, most - 1]) : random.below(12);
  return [random.pick(authors.slice(0, random.once(3) ? 7 : 2)), clock, random.once(20) ? random.below(3) : 0];
}

function randomBlock(random: Random): Block {
  const text = Array.from({ length: random.below(6) }, () => random.pick(letters)).join('');
  const [left, right] = [0, 1].map(() => (random.once(3) ? null : randomId(random)));
  return [randomId(random), text, left ?? null, right ?? null, random.once(4)];
}

/** Few: it is slow, and what it is for, the comparison with the core, has more. */
const played = seeds(5);

void test(`any blocks become a valid state, ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    for (let round = 0; round < 50; round++) {
      const states = Array.from({ length: 3 }, () =>
        stateOf(...Array.from({ length: random.below(12) }, () => randomBlock(random))),
      );
      try {
        joined(...states);
      } catch (error) {
        throw new Error(`seed ${seed}, round ${round}`, { cause: error });
      }
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`changes transfer any blocks, ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    for (let round = 0; round < 30; round++) {
      const store = new ReferenceText();
      const [source, late] = [store.open(), store.open()];
      for (let step = random.below(5); step >= 0; step--) {
        const version = store.version(source);
        store.merge(source, stateOf(...Array.from({ length: random.below(8) }, () => randomBlock(random))), false);
        const { incomplete } = store.apply(late, [store.changesSince(source, version)]);
        const wanted = Buffer.from(store.state(source, false));
        if (incomplete || !wanted.equals(store.state(late, false))) t.fail(`seed ${seed}, round ${round}`);
      }
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test('clocks at the ends of what fits', (t) => {
  t.equal(joined(stateOf([['a', most], 'xyz'])), 'xyz');
  t.equal(joined(stateOf([['a', 0], 'x'], [['a', 2], 'yzé'])), 'xyzé');
  for (const clock of [2 ** 53, -1, 1.5, '1', null]) {
    const state = Buffer.from(
      `{"blocks":[[{"client_id":"a","clock":${JSON.stringify(clock)},"offset":0},{}]],"clock":{"value":0},"client_id":""}`,
    );
    const store = new ReferenceText();
    t.throws(() => store.merge(store.open(), state, false), { name: 'TextRefused' }, String(clock));
  }
  t.end();
});

void test('of a cluster that two states disagree on, the greater one stays', (t) => {
  const [a, b] = [stateOf([['a', 3], 'abc']), stateOf([['a', 3], 'aéa'])];
  t.equal(joined(a, b), 'aéc');
  t.equal(joined(b, a), 'aéc');
  const origins = [stateOf([['a', 3], 'x', ['b', 2]]), stateOf([['a', 3], 'x', null, ['b', 2]])];
  t.equal(joined(...origins), joined(...origins.reverse()));
  t.end();
});

void test('empty blocks are dropped, but their clock counts', (t) => {
  const store = new ReferenceText();
  const handle = store.open();
  const { changed, same } = store.merge(handle, stateOf([['a', 7], '']), false);
  t.same([changed, same, store.clock(handle), store.blockCount(handle)], [true, false, 7, 0]);
  t.end();
});

void test('cycles of origins hide the blocks below them', (t) => {
  t.equal(joined(stateOf([['a', 1], 'x', ['a', 1]], [['a', 2], 'y'])), 'y');
  t.equal(
    joined(stateOf([['a', 1], 'x', ['b', 1]], [['b', 1], 'y', ['a', 1]], [['c', 1], 'z', ['a', 1], ['b', 1]])),
    '',
  );
  t.end();
});

void test('origins that come later in id order are followed too', (t) => {
  t.equal(joined(stateOf([['a', 1], 'x', ['b', 5]], [['b', 5], 'y'])), 'yx');
  t.equal(
    joined(stateOf([['a', 1], 'x', null, ['b', 5]], [['b', 5], 'y'], [['c', 6], 'z', ['b', 5], ['a', 1]])),
    'zxy',
  );
  t.end();
});

void test('the order is that of the definition, whatever the origins', (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    for (let round = 0; round < 100; round++) {
      const size = random.below(15);
      const origin = (): { author: string; clock: number; offset: number } | null =>
        random.once(4) ? null : { author: 'a', clock: random.below(size + 1), offset: 0 };
      const runs = Array.from({ length: size }, (_, clock) => ({
        ...{ author: 'a', first: clock, last: clock },
        ...{ left: origin(), right: origin() },
      }));
      const clocks = documentOrder(runs).map((run) => run.first);
      const parents = runs.map(({ left, right }) => [left?.clock, right?.clock] as const);
      if (clocks.join() !== definition(parents).join()) t.same(clocks, definition(parents), `seed ${seed}`);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

/** The definition, step by step. */
function definition(origins: readonly (readonly [left: number | undefined, right: number | undefined])[]): number[] {
  const exists = (node: number | undefined): number => (node !== undefined && node < origins.length ? node : -1);
  const parent = new Map<number, number>();
  const children = origins.map(() => ({ left: [] as number[], right: [] as number[] }));
  const roots: number[] = [];
  const isAbove = (a: number, b: number): boolean => {
    const seen = new Set<number>();
    for (let node: number | undefined = b; node !== undefined && !seen.has(node); node = parent.get(node)) {
      if (node === a) return true;
      seen.add(node);
    }
    return false;
  };
  for (const [node, [left, right]] of origins.entries()) {
    const [a, b] = [exists(left), exists(right)];
    if (a < 0 && b < 0) roots.push(node);
    else if (b >= 0 && (a < 0 || isAbove(a, b))) {
      children[b]?.left.push(node);
      parent.set(node, b);
    } else {
      children[a]?.right.push(node);
      parent.set(node, a);
    }
  }
  const walk = (node: number): number[] => {
    const { left = [], right = [] } = children[node] ?? {};
    return [...left.flatMap(walk), node, ...right.flatMap(walk)];
  };
  return roots.flatMap(walk);
}

/** Seconds to merge the state and to derive its text. */
function seconds(state: Uint8Array): number {
  const store = new ReferenceText();
  const handle = store.open();
  const started = performance.now();
  store.merge(handle, state, false);
  store.text(handle);
  return (performance.now() - started) / 1_000;
}

void test('size alone makes no state expensive', (t) => {
  const size = 10_000;
  const blocks = (make: (index: number) => Block): Uint8Array =>
    stateOf(...Array.from({ length: size }, (_, i) => make(i)));
  const previous = (index: number): Id => (index === 0 ? null : ['a', index]);
  // Far above the usual time, far below that of an algorithm that compares all blocks with each other.
  const limit = 10;
  t.ok(seconds(blocks((index) => [['a', index + 1], 'x', previous(index)])) < limit, 'typed forward');
  t.ok(seconds(blocks((index) => [['a', index + 1], 'x', null, previous(index)])) < limit, 'typed backward');
  t.ok(seconds(blocks((index) => [['a', index + 1], 'x', ['a', 1], previous(index)])) < limit, 'with both origins');
  t.ok(seconds(blocks((index) => [['a', index + 1], 'x', ['a', index + 2]])) < limit, 'each on the next one');
  t.ok(seconds(stateOf([['a', 1], 'e' + '\u0301'.repeat(20_000)])) < limit, 'one cluster of many marks');
  const overlapping = Array.from({ length: 1_000 }, (_, index): Block => [['a', 1_000 + index], 'x'.repeat(1_000)]);
  t.ok(seconds(stateOf(...overlapping)) < limit, 'overlapping ranges');
  t.end();
});
