/** Merging fields is commutative, associative and idempotent. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { FieldsCore, type FieldWrite } from '../lib/index.js';
import { naming, Random, seeds } from './support/random.js';
import { everything, randomWrite, sortedContents } from './support/writes.js';

const played = seeds();

/** Writes of which those with equal places in the order are equal: a write keeps its stamp everywhere. */
function distinctWrites(random: Random, amount: number): FieldWrite[] {
  const writes = new Map<string, FieldWrite>();
  for (let index = 0; index < amount; index++) {
    const { stamp, ...place } = randomWrite(random);
    const key = JSON.stringify(place);
    if (!writes.has(key)) writes.set(key, { ...place, stamp });
  }
  return [...writes.values()];
}

function replay(core: FieldsCore, writes: readonly FieldWrite[]): number {
  const handle = core.open();
  for (const write of writes) core.set(handle, write);
  return handle;
}

/** What a node sends to another: everything it has. */
function sync(core: FieldsCore, from: number, to: number): void {
  for (const write of core.changesSince(from, everything(core, from))) core.set(to, write);
}

void test(`any order, any repetition: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new FieldsCore();
    const writes = distinctWrites(random, 300);
    const expected = sortedContents(core, replay(core, writes));
    for (let turn = 0; turn < 3; turn++) {
      const handle = replay(core, random.shuffle([...writes, ...writes.filter(() => random.once(2))]));
      assert.deepEqual(sortedContents(core, handle), expected, `seed ${seed}, turn ${turn}`);
    }
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test(`nodes that exchange their documents agree, whoever starts: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const random = new Random(seed);
    const core = new FieldsCore();
    const writes = distinctWrites(random, 300);
    const expected = sortedContents(core, replay(core, writes));
    const nodes = [0, 1, 2].map(() => core.open());
    for (const write of writes) core.set(random.pick(nodes), write);
    // One after the other into the first, then back: each pair has met, directly or not.
    const [first = 0, ...others] = random.shuffle(nodes);
    for (const other of others) sync(core, other, first);
    for (const other of others) sync(core, first, other);
    for (const node of nodes) assert.deepEqual(sortedContents(core, node), expected, `seed ${seed}`);
  }
  t.pass(`${played.length} seeds`);
  t.end();
});

void test('a repeated write does not win again', (t) => {
  const random = new Random(1);
  const core = new FieldsCore();
  const handle = core.open();
  for (let index = 0; index < 1000; index++) {
    const write = randomWrite(random);
    core.set(handle, write);
    assert.equal(core.set(handle, write), false);
  }
  t.end();
});
