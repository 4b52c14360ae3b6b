import { mock } from 'node:test';
import { pino } from 'pino';
import { test } from 'tap';
import { Reloads } from '../../../src/shard/replication/reloads.js';
import type { StoredDocument } from '../../../src/storage/port.js';
import { until } from '../../support/nodes/server.js';

const empty: StoredDocument = { stamp: 1, commits: 1, fields: [], text: [] };

test('many that can’t be loaded together are loaded one by one, and one that can’t be holds up nobody', async (t) => {
  const loaded: string[] = [];
  const asked: number[] = [];
  let broken = true;
  const reloads = new Reloads({
    storage: {
      load: async (ids) => {
        await Promise.resolve();
        asked.push(ids.length);
        if (ids.length > 3 || (broken && ids.includes('broken'))) throw new Error('it takes too long');
        return ids.map(() => empty);
      },
    },
    log: pino({ level: 'silent' }),
    isLoading: () => false,
    onLoaded: (id) => loaded.push(id),
    endTurn: () => undefined,
  });
  t.teardown(() => reloads.close());
  reloads.add(['a', 'broken', 'b', 'c', 'd']);
  await until('the others', () => loaded.length === 4);
  t.strictSame(loaded, ['a', 'b', 'c', 'd']);
  t.strictSame(asked, [5, 1, 1, 1, 1, 1]);
  broken = false;
  await until('the last', () => loaded.length === 5);
});

/** After the promises that wait for nothing else. */
async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('while the storage is away few are tried, and none is forgotten', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const loaded = new Set<string>();
  let asked = 0;
  let away = true;
  const reloads = new Reloads({
    storage: {
      load: async (ids) => {
        await Promise.resolve();
        asked++;
        if (away) throw new Error('away');
        return ids.map(() => empty);
      },
    },
    log: pino({ level: 'silent' }),
    isLoading: () => false,
    onLoaded: (id) => loaded.add(id),
    endTurn: () => undefined,
  });
  t.teardown(() => reloads.close());
  reloads.add(Array.from({ length: 60 }, (_, i) => `d${i}`));
  await turn();
  t.equal(asked, 4, 'all together, and three of them one by one');
  mock.timers.tick(999);
  await turn();
  t.equal(asked, 4, 'no more before the next try is due');
  away = false;
  mock.timers.tick(1);
  await turn();
  t.equal(loaded.size, 60);
});
