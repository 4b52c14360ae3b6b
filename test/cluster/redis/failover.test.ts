/** A real pair of Redis servers changes roles, by hand and by Sentinel, while the buses are connected to it. */
import { pino } from 'pino';
import { test, type Test } from 'tap';
import type { Bus } from '../../../src/cluster/port.js';
import { openRedisBus, type RedisBusOptions } from '../../../src/cluster/redis/bus.js';
import { RedisSharedState } from '../../../src/cluster/redis/shared-state.js';
import { entryOf } from '../../contract/shared-state.js';
import { BusRecorder, updateOf } from '../../support/redis/bus-recorder.js';
import { startProxy } from '../../support/network/proxy.js';
import { failOver, masterName, redisPair, roleOf, sentinels } from '../../support/redis/redis-failover.js';
import { ask } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

interface Member {
  readonly bus: Bus;
  readonly seen: BusRecorder;
}

function join(t: Test, url: string, about: Partial<RedisBusOptions> = {}): Member {
  const seen = new BusRecorder();
  const options = { ...seen.options('node'), url, cluster: false, channelPrefix: 'test:', pingEveryMs: 200, ...about };
  const bus = openRedisBus(options);
  t.teardown(() => bus.close());
  return { bus, seen };
}

/** An update of one reaches the other. */
async function reaches(from: Member, to: Member, value: number): Promise<void> {
  from.bus.publish(updateOf('doc', value));
  await until(`update ${value}`, () => to.seen.valuesOf('doc').includes(value));
}

test('a master is demoted and keeps its connections: buses leave it for the one that the address leads to', async (t) => {
  const pair = await redisPair(t);
  const proxy = await startProxy(pair.first.url);
  t.teardown(() => proxy.close());
  // Pings are seldom, so that a busy machine's late answers are no reason to give a connection up.
  const about = { pingEveryMs: 1_000 };
  const through = proxy.through(pair.first.url);
  const [a, b] = [join(t, through, about), join(t, through, about)];
  b.bus.subscribe(['doc']);
  await b.seen.subscribed('doc');
  await until('a connection', () => a.bus.connected);
  await reaches(a, b, 1);

  await pair.swap();
  await until('nobody trusts the replica', () => !a.bus.connected && !b.bus.connected);
  t.match(a.seen.logged.join('\n'), /the server is a replica/);

  proxy.moveTo(pair.second.url);
  await until('connections', () => a.bus.connected && b.bus.connected);
  await until('a report', () => b.seen.resyncs('reconnect').length > 0);
  await reaches(a, b, 2);
  t.match(await ask(pair.second.port, 'PUBSUB', 'NUMSUB', 'test:doc:doc'), /\n[1-9]/, 'at the new master');
});

test('Sentinels lead to the master: at the start, after a failover, and when one of them does not answer', async (t) => {
  const pair = await redisPair(t);
  const watching = await sentinels(t, pair.first, 3);
  const addresses = watching.map(({ address }) => address);
  const about = { sentinels: { addresses, master: masterName, password: undefined } };
  // Nobody is at that address: only the Sentinels know the master.
  const url = 'redis://127.0.0.1:1';
  const [a, b] = [join(t, url, about), join(t, url, about)];
  b.bus.subscribe(['doc']);
  await b.seen.subscribed('doc');
  await until('a connection', () => a.bus.connected);
  const state = new RedisSharedState({
    ...{ url, ...about, cluster: false, keyPrefix: 'test:' },
    ...{ log: pino({ level: 'silent' }), pingEveryMs: 200, timeoutMs: 20_000 },
  });
  t.teardown(() => {
    state.close();
  });
  await state.announce(entryOf({ run: 'one' }), 60_000);
  await reaches(a, b, 1);

  const last = watching[2]!;
  await failOver(last, pair.second);
  await until('the former master is demoted', async () => (await roleOf(pair.first)).startsWith('slave'), 60_000);
  watching[0]?.freeze();
  await until('reports', () => b.seen.resyncs('reconnect').length > 0, 60_000);
  await until('connections', () => a.bus.connected && b.bus.connected, 60_000);
  await reaches(a, b, 2);
  t.match(await ask(pair.second.port, 'PUBSUB', 'NUMSUB', 'test:doc:doc'), /\n[1-9]/, 'at the new master');
  await until('the list of nodes is written', () =>
    state.announce(entryOf({ run: 'two' }), 60_000).then(
      () => true,
      () => false,
    ),
  );
  t.match(await ask(pair.second.port, 'HKEYS', 'test:nodes'), /two/);
});

test('commands on keys that a demoted master refuses make the connection anew', async (t) => {
  const pair = await redisPair(t);
  const proxy = await startProxy(pair.first.url);
  t.teardown(() => proxy.close());
  // No ping comes in time to notice: the refusal has to.
  const about = { url: proxy.through(pair.first.url), cluster: false, keyPrefix: 'test:', pingEveryMs: 600_000 };
  const state = new RedisSharedState({ ...about, log: pino({ level: 'silent' }), timeoutMs: 20_000 });
  t.teardown(() => {
    state.close();
  });
  t.equal((await state.count('k', 60_000)).count, 1);
  await until('it is replicated', async () => (await ask(pair.second.port, 'GET', 'test:count:k')).trim() === '1');
  await pair.swap();
  proxy.moveTo(pair.second.url);
  await t.rejects(state.count('k', 60_000), /READONLY/);
  let counted = 0;
  await until('a new connection', () =>
    state.count('k', 60_000).then(
      ({ count }) => {
        counted = count;
        return true;
      },
      () => false,
    ),
  );
  t.equal(counted, 2);
});
