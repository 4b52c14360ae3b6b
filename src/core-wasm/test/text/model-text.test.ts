/** The text core behaves like the reference implementation under random operations. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { TextCore, TextRefused, type TextStore } from '../../lib/index.js';
import { ReferenceText } from '../../reference/index.js';
import { naming, Random, seeds } from '../support/random.js';
import { hostileState, randomStates } from '../support/replica.js';
import { decoded, encoded, escaped, stateOf } from '../support/text.js';

const played = seeds();

/** Everything that a store returns about a text. */
function contents(store: TextStore, handle: number): object {
  return {
    state: decoded(store.state(handle, false)),
    escaped: decoded(store.state(handle, true)),
    text: store.text(handle),
    length: store.length(handle),
    clock: store.clock(handle),
    version: store.version(handle),
    blocks: store.blockCount(handle),
    size: store.stateSize(handle),
  };
}

interface Handles {
  readonly core: number;
  readonly reference: number;
}

class Pair {
  readonly core = new TextCore();
  readonly reference = new ReferenceText();
  readonly all: Handles[];

  constructor(readonly random: Random) {
    this.all = [0, 1, 2].map(() => ({ core: this.core.open(), reference: this.reference.open() }));
    // From here on all states have one client id.
    for (const handles of this.all) this.merge(handles, stateOf([], 0, 'server'));
  }

  merge(handles: Handles, state: string): void {
    const asContent = this.random.once(2);
    const bytes = encoded(asContent ? escaped(state) : state);
    const merge = this.core.merge(handles.core, bytes, asContent);
    assert.deepEqual(merge, this.reference.merge(handles.reference, bytes, asContent), state);
    this.compare(handles);
  }

  /** Sends the changes of one text since random versions to another one. */
  send(): void {
    const [from, to] = this.random.shuffle(this.all) as [Handles, Handles];
    const versions = [0, 1].map(() => this.random.below(this.reference.version(from.reference) + 1));
    const core = versions.map((version) => this.core.changesSince(from.core, version));
    const reference = versions.map((version) => this.reference.changesSince(from.reference, version));
    assert.deepEqual(this.core.apply(to.core, core), this.reference.apply(to.reference, reference));
    this.compare(to);
  }

  compare(handles: Handles): void {
    assert.deepEqual(contents(this.core, handles.core), contents(this.reference, handles.reference));
  }
}

function play(seed: number, states: (random: Random) => string[]): void {
  const random = new Random(seed);
  const pair = new Pair(random);
  for (const [step, state] of states(random).entries()) {
    try {
      pair.merge(random.pick(pair.all), state);
      if (random.once(3)) pair.send();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step} (repeat: SEED=${seed} SEEDS=1)`, { cause: error });
    }
  }
}

void test(`core and reference agree about what clients send: ${naming(played)}`, (t) => {
  for (const seed of played) play(seed, (random) => randomStates(random, 2 + random.below(4), 40));
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`core and reference agree about states that contradict each other: ${naming(played)}`, (t) => {
  for (const seed of played) play(seed, (random) => Array.from({ length: 30 }, () => hostileState(random, false)));
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`damaged states: whatever the core accepts, the reference accepts alike: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new TextCore();
    const reference = new ReferenceText();
    const states = randomStates(random, 2, 10);
    for (let turn = 0; turn < 100; turn++) {
      const bytes = encoded(random.pick(states));
      for (let damage = random.below(3); damage >= 0; damage--) {
        bytes[random.below(bytes.length)] = random.pick([...encoded('"\\{}[],:019enu \n'), 0, 0x80, 0xff]);
      }
      const handles = { core: core.open(), reference: reference.open() };
      try {
        core.merge(handles.core, bytes, false);
      } catch (error) {
        assert.ok(error instanceof TextRefused);
        assert.equal(core.version(handles.core), 0);
        continue;
      }
      // Clients' readers refuse keys that come twice and some numbers that JSON.parse takes; so does the core.
      reference.merge(handles.reference, bytes, false);
      const state = JSON.parse(decoded(core.state(handles.core, false))) as object;
      const expected = JSON.parse(decoded(reference.state(handles.reference, false))) as object;
      assert.deepEqual({ ...state, client_id: '' }, { ...expected, client_id: '' }, `seed ${seed}: ${decoded(bytes)}`);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});
