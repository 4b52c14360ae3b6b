/** Visible blocks, clusters and edits are the same in the core and in the reference implementation. */
import { test } from 'tap';
import { TextCore, type TextEdit, type TextStore } from '../../lib/index.js';
import { ReferenceText } from '../../reference/index.js';
import { Random, seeds } from '../support/random.js';
import { hostileState, randomStates, randomText } from '../support/replica.js';
import { decoded, encoded } from '../support/text.js';

/** Inserts between visible blocks and marks parts of them. */
function randomEdit(random: Random, store: TextStore, handle: number): TextEdit {
  const { blocks } = store.visible(handle);
  let clock = store.clock(handle);
  // No clock is left above the largest one.
  const count = clock > 2 ** 52 ? 0 : random.below(3);
  const texts = Array.from({ length: count }, () => randomText(random, 6));
  const inserts = texts.map((text) => {
    clock += store.clusterEnds(text).length;
    const at = random.below(blocks.length + 1);
    const [before, after] = [blocks[at - 1], blocks[at]];
    const left = before && { author: before.author, clock: before.last };
    const right = after && { author: after.author, clock: after.first };
    return { text, clock, left, right };
  });
  const marks = blocks
    .filter(({ first }) => first > 0 && random.once(3))
    .map(({ author, first, last }) => {
      const from = first + random.below(last - first + 1);
      return { author, first: from, last: from + random.below(last - from + 1), deleted: random.once(2) };
    });
  return { author: 'editor', inserts, marks };
}

void test('visible blocks, clusters and edits', (t) => {
  for (const seed of seeds()) {
    const random = new Random(seed);
    const core = new TextCore();
    const reference = new ReferenceText();
    const handles = { core: core.open(), reference: reference.open() };
    const states = random.once(4) ? [hostileState(random, false)] : randomStates(random, 3, 12);
    for (const state of states) {
      core.merge(handles.core, encoded(state), false);
      reference.merge(handles.reference, encoded(state), false);
    }
    for (let turn = 0; turn < 3; turn++) {
      const visible = core.visible(handles.core);
      t.same(visible, reference.visible(handles.reference), `seed ${seed}`);
      t.equal(visible.text, core.text(handles.core), `seed ${seed}`);
      t.same(core.clusterEnds(visible.text), reference.clusterEnds(visible.text), `seed ${seed}`);
      const edit = randomEdit(random, core, handles.core);
      t.same(core.edit(handles.core, edit), reference.edit(handles.reference, edit), `seed ${seed}`);
      const [own, theirs] = [core.state(handles.core, false), reference.state(handles.reference, false)];
      t.equal(decoded(own), decoded(theirs), `seed ${seed}`);
    }
  }
  t.end();
});
