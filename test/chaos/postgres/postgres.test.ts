import tap, { test } from 'tap';
import { seedsToPlay } from '../../support/random.js';
import { PostgresChaos } from './postgres-chaos.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

/** Seeds of orders that found something once. */
const pinned: readonly number[] = [];

test('ACK1, ACK4, ORD1: no acknowledged write is lost, whatever happens to node and database', async (t) => {
  for (const seed of seedsToPlay(pinned, 1)) await new PostgresChaos(t, seed).play();
});
