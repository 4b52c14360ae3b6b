/**
 * `pm2 reload` under load, with the configuration that users run: ecosystem.config.cjs. The load can be made larger:
 * `RELOAD_PROCESSES=4 RELOAD_CLIENTS=1000 RELOAD_LANES=32 RELOAD_TICK_MS=200 node
 * dist/test/integration/cluster/pm2.test.js`.
 */
import { readFile } from 'node:fs/promises';
import tap, { test, type Test } from 'tap';
import { AckChecker } from '../../chaos/checker.js';
import { ChaosLoad } from '../../chaos/load.js';
import { folder } from '../../support/nodes/fixture.js';
import { FreshConnections } from '../../support/network/fresh-connections.js';
import { KeptConnections } from '../../support/network/kept-connections.js';
import { Pm2 } from '../../support/nodes/pm2.js';
import { database } from '../../support/postgres/postgres.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { redisUrl } from '../../support/redis/redis.js';
import { freePort, until, type LogLine } from '../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const DRAIN_MS = 1_500;
const PROCESSES = Number(process.env['RELOAD_PROCESSES'] ?? 2);
/** Clients that only subscribe, besides those that write. */
const WATCHERS = Number(process.env['RELOAD_CLIENTS'] ?? 40);
/** Series of new connections, one after the other. */
const LANES = Number(process.env['RELOAD_LANES'] ?? 4);
/** Time between two writes of a client, in ms. */
const TICK_MS = Number(process.env['RELOAD_TICK_MS'] ?? 20);

/** A cluster under load, which must lose nothing. */
async function underLoad(t: Test, env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const metricsPort = await freePort();
  const pm2 = await Pm2.start(t, {
    PORT: String(port),
    HOST: '127.0.0.1',
    METRICS_PORT: String(metricsPort),
    SHUTDOWN_DRAIN_MS: String(DRAIN_MS),
    SHUTDOWN_DEADLINE_MS: '60000',
    NODE_ENV: 'test',
    LOG_LEVEL: 'debug',
    ...env,
  });
  const [seed] = seedsToPlay([], 1) as [number];
  t.comment(`SEED=${seed}`);
  const checker = new AckChecker();
  const load = new ChaosLoad(checker, new Random(seed), { watchers: WATCHERS, ahead: 3, tickMs: TICK_MS });
  const url = `ws://127.0.0.1:${port}/ws`;
  const kept = new KeptConnections(url, load.clients, (client) => load.resume(client));
  t.teardown(async () => {
    const ended = kept.end();
    load.end();
    await ended;
  });
  const allThere = () =>
    until('all clients to be there with all they hold', () =>
      load.clients.every((client) => load.documentsOf(client).every((documentId) => client.isSynced(documentId))),
    );
  await allThere();
  await load.run(100);

  return {
    ...{ pm2, load, kept, port, metricsPort, allThere },
    /** Reloads while clients write, and checks the documents of the clients afterwards. */
    reload: async (): Promise<void> => {
      const before = checker.acks;
      await pm2.startOrReload();
      t.ok(checker.acks > before, `${checker.acks - before} messages were acknowledged during the reload`);
      await allThere();
      await load.run(100);
      t.strictSame(await load.differences(url), [], 'all clients hold what the server holds');
      t.strictSame(await load.lost(url), [], 'everything that was ever acknowledged is there');
      t.strictSame(load.problems, []);
      t.ok(kept.closeCodes.length >= load.clients.length, 'every client was disconnected at least once');
      t.strictSame(
        kept.closeCodes.filter((code) => code !== 1012),
        [],
        'DRN3: always with 1012',
      );
    },
  };
}

test(`DRN2, DRN3: a reload of ${PROCESSES} processes under load`, async (t) => {
  const DATABASE_URL = (await database(t)).url;
  const REDIS_URL = await redisUrl();
  const { pm2, load, kept, port, metricsPort, reload } = await underLoad(t, {
    ...{ DATABASE_URL, REDIS_URL, REDIS_CHANNEL_PREFIX: `pm2-${process.pid}:`, WEB_CONCURRENCY: String(PROCESSES) },
  });
  const allOnline = Array.from({ length: PROCESSES }, (_, instance) => ({ instance, status: 'online' }));
  const before = await pm2.list();
  t.match(before, allOnline);
  const fresh = new FreshConnections(port, LANES, 2);
  t.teardown(() => fresh.end());
  await reload();
  await fresh.end();

  const after = await pm2.list();
  t.match(after, allOnline);
  for (const [i, { pid, instance }] of after.entries()) {
    t.not(pid, before[i]?.pid, 'another process');
    const log = await pm2.log(instance);
    const starts = log.filter(({ msg }) => msg === 'listening');
    t.strictSame(
      starts.map((line) => line['pid']),
      [before[i]?.pid, pid],
    );
    t.match(starts[0]?.['node'], new RegExp(`:${instance}$`));
    t.equal(starts[1]?.['node'], starts[0]?.['node'], 'under the same node id');
    t.equal(starts[1]?.['shards'], 1);
    t.strictSame(
      log.filter(({ level }) => ['error', 'fatal'].includes(level)),
      [],
      'nothing failed',
    );
    checkSpread(t, before[i]?.pid, log);
  }
  const connections = await Promise.all(after.map(({ instance }) => scrape(metricsPort + instance)));
  t.equal(
    connections.reduce((sum, count) => sum + count, 0),
    load.clients.length,
    'each process counts its own on a port of its own',
  );
  t.ok(
    connections.every((count) => count > 0),
    `the kernel spreads connections: ${connections.join(' and ')}`,
  );

  const failed = JSON.stringify([fresh.failed, kept.failed].map((map) => Object.fromEntries(map)));
  t.comment(
    `${fresh.answered} fresh connections, failed: ${failed} (fresh ones, clients), net.ipv4.tcp_migrate_req = ${await migrates()}`,
  );
  t.ok(fresh.answered > 0);
  if ((await migrates()) === '1') t.equal(failed, '[{},{}]', 'none was refused');
});

test('without a bus a reload is a restart, and loses nothing either', async (t) => {
  const { pm2, kept, reload } = await underLoad(t, { SYNCKIT_DATA_DIR: await folder(t) });
  const [before] = await pm2.list();
  await reload();
  const list = await pm2.list();
  t.match(list, [{ instance: 0, status: 'online' }]);
  t.not(list[0]?.pid, before?.pid);
  const log = await pm2.log(0);
  const events = log.map(({ msg }) => msg).filter((msg) => ['listening', 'draining', 'drained'].includes(msg));
  t.strictSame(events, ['listening', 'draining', 'drained', 'listening'], 'two never run at once');
  t.comment(`attempts to connect that failed: ${JSON.stringify(Object.fromEntries(kept.failed))}`);
});

/** DRN3: the clients of the process that was replaced did not all leave at once, by its own clock. */
function checkSpread(t: Test, pid: number | undefined, log: readonly LogLine[]): void {
  const slices = log.filter((line) => line.msg === 'clients were disconnected' && line['pid'] === pid);
  const clients = slices.reduce((sum, line) => sum + Number(line['clients']), 0);
  t.ok(slices.length >= 5, `${clients} clients were disconnected in ${slices.length} slices`);
  const span = timeOf(slices.at(-1)) - timeOf(slices[0]);
  t.ok(span >= DRAIN_MS * 0.4, `the last ${span} ms after the first, in a drain of ${DRAIN_MS} ms`);
}

function timeOf(line: LogLine | undefined): number {
  return Date.parse(String(line?.['time']));
}

/** Connections that a process counts. */
async function scrape(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const samples = [...text.matchAll(/^synckit_connections\{.*\} (\d+)$/gm)];
  return samples.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Whether Linux hands connections that wait for one listener over to another: `1`, `0`, or empty where it can't. */
async function migrates(): Promise<string> {
  return (await readFile('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').catch(() => '')).trim();
}
