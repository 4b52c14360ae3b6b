/** The join of texts is commutative, associative and idempotent, and so are changes. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { TextCore } from '../../lib/index.js';
import { naming, Random, seeds } from '../support/random.js';
import { hostileState, randomStates } from '../support/replica.js';
import { decoded, encoded, escaped, stateOf } from '../support/text.js';

const played = seeds();

function joined(core: TextCore, states: readonly string[]): number {
  const handle = core.open();
  for (const state of states) core.merge(handle, encoded(state), false);
  return handle;
}

function stateIn(core: TextCore, handle: number): string {
  return decoded(core.state(handle, false));
}

function closing<T>(core: TextCore, handle: number, read: (handle: number) => T): T {
  const answer = read(handle);
  core.close(handle);
  return answer;
}

void test(`any order, grouping and repetition: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new TextCore();
    const states = randomStates(random, 2 + random.below(4), 40);
    const expected = closing(core, joined(core, states), (handle) => stateIn(core, handle));
    for (let turn = 0; turn < 5; turn++) {
      const shuffled = random.shuffle([...states, ...states.filter(() => random.once(2))]);
      const split = random.below(shuffled.length);
      const groups = [shuffled.slice(0, split), shuffled.slice(split)].filter((group) => group.length > 0);
      const parts = groups.map((group) => closing(core, joined(core, group), (handle) => stateIn(core, handle)));
      assert.equal(stateIn(core, joined(core, parts)), expected, `seed ${seed}, turn ${turn}`);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`what a merge answers: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new TextCore();
    const handle = core.open();
    for (const state of random.shuffle(randomStates(random, 3, 30))) {
      const before = stateIn(core, handle);
      const version = core.version(handle);
      const { changed, same, canonical } = core.merge(handle, encoded(state), false);
      const after = stateIn(core, handle);
      assert.equal(canonical, true);
      if (core.version(handle) > 0 && version > 0) assert.equal(changed, after !== before, `seed ${seed}`);
      assert.equal(core.version(handle), version + Number(changed));
      // The clock of the result may be greater than that of the state.
      const blocks = (json: string) => JSON.stringify((JSON.parse(json) as { blocks: unknown }).blocks);
      assert.equal(same, blocks(after) === blocks(state), `seed ${seed}`);
      assert.deepEqual(core.merge(handle, encoded(after), false), { changed: false, same: true, canonical: true });
      assert.equal(core.stateSize(handle), Buffer.byteLength(after));
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`changes since any version, in any order: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new TextCore();
    const source = core.open();
    const parts: Uint8Array[] = [];
    const reached: { version: number; state: string }[] = [];
    for (const state of randomStates(random, 3, 40)) {
      const version = core.version(source);
      core.merge(source, encoded(state), false);
      parts.push(core.changesSince(source, version));
      reached.push({ version: core.version(source), state: stateIn(core, source) });
    }
    const expected = stateIn(core, source);
    const all = core.open();
    assert.deepEqual(core.apply(all, random.shuffle([...parts, ...parts.slice(0, 3)])), {
      changed: true,
      incomplete: false,
    });
    assert.equal(stateIn(core, all), expected, `seed ${seed}: all at once`);
    assert.equal(core.text(all), core.text(source));
    const whole = core.open();
    core.apply(whole, [core.changesSince(source, 0)]);
    assert.equal(stateIn(core, whole), expected, `seed ${seed}: whole`);
    const { version, state } = random.pick(reached);
    const late = joined(core, [state]);
    assert.equal(core.apply(late, [core.changesSince(source, version)]).incomplete, false);
    assert.equal(stateIn(core, late), expected, `seed ${seed}: since ${version}`);
    assert.deepEqual(core.apply(late, parts), { changed: false, incomplete: false });
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`states that contradict themselves still become valid ones: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new TextCore();
    const handle = core.open();
    const follower = core.open();
    for (let turn = 0; turn < 40; turn++) {
      const version = core.version(handle);
      const state = hostileState(random, true);
      core.merge(handle, encoded(state), false);
      const after = stateIn(core, handle);
      assert.equal(core.stateSize(handle), Buffer.byteLength(after), `seed ${seed}`);
      const again = joined(core, [after]);
      assert.equal(stateIn(core, again), after, `seed ${seed}: not read as written`);
      assert.equal(core.text(again), core.text(handle));
      assert.deepEqual(core.merge(handle, encoded(after), false), { changed: false, same: true, canonical: true });
      core.apply(follower, [core.changesSince(handle, version)]);
      assert.equal(stateIn(core, follower), after, `seed ${seed}: changes`);
      core.close(again);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test('a keystroke in a large text is a few dozen bytes', (t) => {
  const core = new TextCore();
  const handle = core.open();
  const large = { author: 'alice', clock: 100_000, text: 'x'.repeat(100_000) };
  core.merge(handle, encoded(stateOf([large])), false);
  const version = core.version(handle);
  const typed = { author: 'bob', clock: 100_001, text: 'y', left: ['alice', 500], right: ['alice', 501] } as const;
  core.merge(handle, encoded(stateOf([large, typed])), false);
  t.ok(core.changesSince(handle, version).length < 50, 'an insert');
  const deleting = core.version(handle);
  const pieces = [
    { ...large, clock: 40_000, text: 'x'.repeat(40_000) },
    { ...large, clock: 40_001, text: 'x', deleted: true },
    { ...large, text: 'x'.repeat(59_999) },
  ];
  t.same(core.merge(handle, encoded(stateOf(pieces)), false), { changed: true, same: false, canonical: true });
  const changes = core.changesSince(handle, deleting);
  t.ok(changes.length < 60, `a deletion: ${changes.length} bytes`);
  t.equal(core.blockCount(handle), 4);
  t.equal(core.length(handle), 100_000);

  const empty = core.open();
  t.same(core.apply(empty, [changes]), { changed: true, incomplete: true }, 'only the clock is new to an empty text');
  t.equal(core.blockCount(empty), 0);
  t.end();
});

void test('a state in a string that is escaped in another way is read, but not canonical', (t) => {
  const core = new TextCore();
  const handle = core.open();
  const content = escaped(stateOf([{ author: 'a', clock: 1, text: 'é' }]))
    .replaceAll('\\"', '\\u0022')
    .replace('é', '\\u00e9');
  t.same(core.merge(handle, encoded(content), true), { changed: true, same: true, canonical: false });
  t.equal(core.text(handle), 'é');
  t.end();
});

void test('the first client id stays', (t) => {
  const core = new TextCore();
  const handle = joined(core, [stateOf([], 0, 'first'), stateOf([{ author: 'a', clock: 1, text: 'x' }], 1, 'second')]);
  t.match(stateIn(core, handle), /"client_id":"first"\}$/);
  const other = core.open();
  core.apply(other, [core.changesSince(core.open(), 0), core.changesSince(handle, 0)]);
  t.match(stateIn(core, other), /"client_id":"first"\}$/);
  t.end();
});
