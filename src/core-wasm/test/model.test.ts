/** The WASM core behaves like the reference implementation under random operations. */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { FieldsCore } from '../lib/index.js';
import { ReferenceFields } from '../reference/index.js';
import { naming, Random, seeds } from './support/random.js';
import { contents, randomPath, randomVector, randomWrite } from './support/writes.js';

const steps = 600;
const played = seeds();

/** The two stores side by side, with the handles of documents that both have open. */
class Pair {
  readonly core: FieldsCore;
  readonly reference = new ReferenceFields();
  readonly open: { core: number; reference: number }[] = [];

  constructor(readonly random: Random) {
    this.core = new FieldsCore({ hashSeed: random.seed });
    this.openDocument();
  }

  openDocument(): void {
    this.open.push({ core: this.core.open(), reference: this.reference.open() });
  }

  closeDocument(): void {
    const [closed] = this.open.splice(this.random.below(this.open.length), 1);
    if (closed === undefined) return;
    this.core.close(closed.core);
    this.reference.close(closed.reference);
  }

  step(): void {
    const { random, core, reference } = this;
    const handle = random.pick(this.open);
    const choice = random.below(100);
    if (choice < 5) {
      const write = { ...randomWrite(random), commit: random.once(2) ? random.below(20) : undefined };
      core.replace(handle.core, write);
      reference.replace(handle.reference, write);
      assert.deepEqual(core.get(handle.core, write.path), reference.get(handle.reference, write.path));
      assert.equal(core.commitOf(handle.core, write.path), reference.commitOf(handle.reference, write.path));
    } else if (choice < 78) {
      const write = { ...randomWrite(random), commit: random.once(2) ? random.below(20) : undefined };
      assert.equal(core.set(handle.core, write), reference.set(handle.reference, write), JSON.stringify(write));
      assert.deepEqual(core.get(handle.core, write.path), reference.get(handle.reference, write.path));
    } else if (choice < 85) {
      const path = randomPath(random);
      assert.equal(core.erase(handle.core, path), reference.erase(handle.reference, path), JSON.stringify(path));
    } else if (choice < 87) {
      const stamp = random.below(50);
      const tombstones = reference.tombstonesUpTo(handle.reference, stamp);
      assert.deepEqual(core.tombstonesUpTo(handle.core, stamp), tombstones);
      // A purge: many fields leave at once.
      for (const { path } of tombstones) {
        assert.ok(core.erase(handle.core, path) && reference.erase(handle.reference, path));
      }
    } else if (choice < 90) {
      const path = randomPath(random);
      assert.deepEqual(core.get(handle.core, path), reference.get(handle.reference, path));
      assert.equal(core.stampOf(handle.core, path), reference.stampOf(handle.reference, path));
    } else if (choice < 91) {
      const { path, stamp } = randomWrite(random);
      const commit = random.below(20);
      core.committed(handle.core, path, stamp, commit);
      reference.committed(handle.reference, path, stamp, commit);
      assert.equal(core.commitOf(handle.core, path), reference.commitOf(handle.reference, path));
    } else if (choice < 93) {
      const commit = random.below(20);
      assert.deepEqual(core.changesAfter(handle.core, commit), reference.changesAfter(handle.reference, commit));
      assert.deepEqual(core.findStamp(handle.core, commit), reference.findStamp(handle.reference, commit));
    } else if (choice < 94) {
      const vector = randomVector(random);
      assert.deepEqual(core.changesSince(handle.core, vector), reference.changesSince(handle.reference, vector));
    } else if (choice < 98) {
      assert.deepEqual(contents(core, handle.core), contents(reference, handle.reference));
    } else if (choice === 98) {
      this.openDocument();
    } else if (this.open.length > 1) {
      this.closeDocument();
    }
  }
}

void test(`core and reference agree: ${naming(played)}`, (t) => {
  for (const seed of played) {
    const pair = new Pair(new Random(seed));
    for (let step = 0; step < steps; step++) {
      try {
        pair.step();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step} (repeat: SEED=${seed} SEEDS=1)`, { cause: error });
      }
    }
    for (const handle of pair.open) {
      assert.deepEqual(
        contents(pair.core, handle.core),
        contents(pair.reference, handle.reference),
        `seed ${seed}, at the end`,
      );
    }
  }
  t.pass(`${played.length} seeds of ${steps} steps`);
  t.end();
});
