import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import type { Command, ShardReport } from '../support/nodes/killable-main.js';
import { Random, seedsToPlay } from '../support/random.js';
import { startServer, until, type ServerProcess } from '../support/nodes/server.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';
import { AckChecker } from './checker.js';
import { ChaosLoad } from './load.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const killable = fileURLToPath(new URL('../support/nodes/killable-main.js', import.meta.url));
/** What happens above the storage is the same for each. */
const rounds = { embedded: 10, postgres: 5 } as const;
const SHARDS = 2;

async function tell({ child }: ServerProcess, command: Command): Promise<ShardReport> {
  const answer = once(child, 'message');
  child.send(command);
  const [report] = (await answer) as [ShardReport];
  return report;
}

/** Contract 8 of the design. */
for (const storage of durableStorages) {
  test(`ACK1, ACK4, FAN4: the clients of a shard that dies notice a delay at most (${storage})`, async (t) => {
    const [seed] = seedsToPlay([], 1) as [number];
    t.comment(`SEED=${seed}`);
    const random = new Random(seed);
    const checker = new AckChecker();
    const load = new ChaosLoad(checker, random);
    const server = await startServer({ ...(await storageEnv(t, storage)), SHARDS: `${SHARDS}` }, killable);
    t.teardown(async () => {
      load.end();
      await server.kill('SIGKILL');
    });
    await load.connect(server.url);
    const connections = load.clients.map(({ connection }) => connection);

    let unsettled = 0;
    for (let round = 1; round <= rounds[storage]; round++) {
      // Sometimes while the new worker is still given what the former one left.
      await load.run(random.pick([1, 150]));
      unsettled += load.unacked;
      await tell(server, { terminate: random.below(SHARDS) });
      await until(`shard ${round} to be replaced`, async () => {
        const { restarts, running } = await tell(server, {});
        return running && restarts.reduce((sum, count) => sum + count, 0) === round;
      });
      t.strictSame(await load.lost(server.url), [], `after death ${round} (seed ${seed}), ${checker.acks} acks so far`);
    }
    t.ok(unsettled > 0, `${unsettled} messages were under way when threads were ended`);
    t.strictSame(await load.differences(server.url), [], 'all clients hold what the server holds');
    t.strictSame(await load.lost(server.url), [], 'everything that was ever acknowledged is there');
    t.strictSame(load.problems, []);
    t.ok(
      load.clients.every(({ connection }, i) => connection !== undefined && connection === connections[i]),
      'no client was disconnected',
    );
  });
}
