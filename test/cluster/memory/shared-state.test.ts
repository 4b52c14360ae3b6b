/** The shared state of nodes in one process. */
import { test } from 'tap';
import { MemorySharedState, MemorySharedStore } from '../../../src/cluster/memory/shared-state.js';
import { sharedStateContract } from '../../contract/shared-state.js';

sharedStateContract('memory', () => {
  const store = new MemorySharedStore();
  return Promise.resolve({
    open: () => new MemorySharedState(store),
    inject(run, text, leaseMs) {
      const now = Date.now();
      store.nodes.set(run, { renewedAt: now, endsAt: now + leaseMs, text });
      return Promise.resolve();
    },
  });
});

test('memory is bounded: the oldest count is dropped', async (t) => {
  const state = new MemorySharedState();
  for (let i = 0; i < 100_001; i++) await state.count(`${i}`, 600_000);
  t.match(await state.count('0', 600_000), { count: 1 }, 'it was forgotten');
  t.match(await state.count('50000', 600_000), { count: 2 });
});

test('expired counts free their place', async (t) => {
  const store = new MemorySharedStore();
  const state = new MemorySharedState(store);
  await state.count('a', 1);
  store.sweep(Date.now() + 600_000);
  t.equal(store.counts.size, 0);
});
