/** Clients that resume by vector on nodes whose clocks are an hour wrong, with a bus between them and without. */
import { randomBytes } from 'node:crypto';
import tap, { test, type Test } from 'tap';
import { server } from '../../support/nodes/fixture.js';
import { ModelClient } from '../../support/clients/model-client.js';
import { canonical } from '../../support/clients/model-document.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

tap.setTimeout(600_000);

const HOUR_MS = 3_600_000;
const preload = new URL('../../support/nodes/skew.js', import.meta.url).href;

function model(t: Test, clientId: string): ModelClient {
  const made = new ModelClient({ clientId, encoding: 'binary', supportsBatch: false });
  t.teardown(() => {
    made.disconnect();
    if (made.problems.length > 0) throw new Error(made.problems.join('\n'));
  });
  return made;
}

async function write(who: ModelClient, field: string, value: unknown): Promise<void> {
  who.transmit(who.write('d', [[field, value]]));
  await until(`the ack of ${field}`, () => who.unacked.size === 0);
}

async function ask(who: ModelClient, to: ServerProcess, how: 'subscribe' | 'vector'): Promise<void> {
  if (who.connected) who.disconnect();
  await who.connect(to.url);
  who.open('d', how);
  await until('the answer', () => who.isSynced('d'));
}

for (const hasBus of [true, false]) {
  test(`SUB2: nodes that are an hour ahead and behind, ${hasBus ? 'in a cluster' : 'without a bus'}`, async (t) => {
    const env = {
      DATABASE_URL: (await database(t)).url,
      DB_POOL_MAX: '2',
      SHARDS: '1',
      NODE_OPTIONS: `--import ${preload}`,
      ...(hasBus ? { REDIS_URL: await redisUrl(), REDIS_CHANNEL_PREFIX: `${randomBytes(6).toString('hex')}:` } : {}),
    };
    const start = (name: string, skewMs: number): Promise<ServerProcess> =>
      server(t, { ...env, SYNCKIT_NODE_ID: name, SYNCKIT_TEST_SKEW_MS: String(skewMs) });
    const [ahead, right, behind] = [
      await start('ahead', HOUR_MS),
      await start('right', 0),
      await start('behind', -HOUR_MS),
    ];
    const [writer, early, back] = [model(t, 'w'), model(t, 'e'), model(t, 'b')];
    // In memory on each of them, before anything that the others do.
    for (const node of [ahead, right, behind]) await ask(early, node, 'subscribe');
    const expected: Record<string, number> = {};
    for (let round = 0; round < 3; round++) {
      for (const [name, node, next] of [
        ['ahead', ahead, behind],
        ['behind', behind, right],
        ['right', right, ahead],
      ] as const) {
        // The same writer moves from node to node, so that the stamp of its last write is not its largest.
        await ask(back, node, 'vector');
        await ask(writer, node, 'vector');
        await write(writer, `${name} ${round}`, round);
        expected[`${name} ${round}`] = round;
        await until('the update', () => back.document('d').get(`${name} ${round}`) === round);
        back.disconnect();
        await ask(writer, next, 'subscribe');
        await write(writer, `${name} then ${round}`, round);
        expected[`${name} then ${round}`] = round;
      }
    }
    for (const node of [right, ahead, behind]) await node.kill('SIGTERM');
    await ask(back, await start('right', 0), 'vector');
    await until(`${back.document('d').live} to be everything`, () => back.document('d').live === canonical(expected));
  });
}
