/** `kill -9` under load, again and again. `KILLS=500` kills that often on each storage. */
import tap, { test } from 'tap';
import { Random, seedsToPlay } from '../support/random.js';
import { startServer, until, type ServerProcess } from '../support/nodes/server.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';
import { AckChecker } from './checker.js';
import { ChaosLoad } from './load.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(3_600_000);

/** What happens above the storage is the same for each. */
const rounds = { embedded: 10, postgres: 5 } as const;
const kills = Number(process.env['KILLS'] ?? 0);

for (const storage of durableStorages) {
  test(`ACK1, ACK4, ORD1: no acknowledged write is lost to kill -9 under load (${storage})`, async (t) => {
    const [seed] = seedsToPlay([], 1) as [number];
    t.comment(`SEED=${seed}`);
    const random = new Random(seed);
    const checker = new AckChecker();
    const load = new ChaosLoad(checker, random);
    const env = await storageEnv(t, storage);
    let server: ServerProcess | undefined;
    t.teardown(async () => {
      load.end();
      await server?.kill('SIGKILL');
    });

    let resent = 0;
    server = await startServer(env);
    await load.connect(server.url);
    for (let round = 1; round <= (kills || rounds[storage]); round++) {
      await load.run(150);
      await server.kill('SIGKILL');
      await until('all clients to notice', () => load.clients.every(({ connected }) => !connected));
      load.stop();
      resent += load.unacked;
      server = await startServer(env);
      t.strictSame(await load.lost(server.url), [], `after kill ${round} (seed ${seed}), ${checker.acks} acks so far`);
      await load.connect(server.url);
    }
    t.ok(resent > 0, `${resent} messages were under way when the server was killed`);
    t.strictSame(await load.differences(server.url), [], 'all clients hold what the server holds');
    t.strictSame(await load.lost(server.url), [], 'everything that was ever acknowledged is there');
    t.strictSame(load.problems, []);
  });
}
