/** The proxies of the documentation, in front of two nodes of a cluster. */
import { once } from 'node:events';
import tap, { test, type Test } from 'tap';
import WebSocket from 'ws';
import { client, secret, token } from '../../support/nodes/fixture.js';
import { isInstalled, proxyKinds, startProxy, type ProxyKind } from '../../support/network/front-proxy.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { RawClient } from '../../support/clients/client.js';
import { server } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

tap.setTimeout(300_000);
// Each has nodes and a proxy of its own, and waits most of the time.
tap.jobs = 3;

const CLIENT = '127.0.0.2';

/** Two nodes of a cluster, which believe the proxy. */
async function nodes(t: Test, more: NodeJS.ProcessEnv = {}): Promise<[ServerProcess, ServerProcess]> {
  const DATABASE_URL = (await database(t)).url;
  const env = {
    ...{ DATABASE_URL, REDIS_URL: await redisUrl(), REDIS_CHANNEL_PREFIX: `${DATABASE_URL.slice(-8)}:` },
    ...{ SHARDS: '1', JWT_SECRET: secret, SYNCKIT_TRUSTED_PROXIES: '127.0.0.1', SHUTDOWN_DRAIN_MS: '300' },
    ...{ LOG_LEVEL: 'debug', METRICS_TOKEN: secret, ...more },
  };
  return Promise.all([server(t, { ...env, SYNCKIT_NODE_ID: 'a' }), server(t, { ...env, SYNCKIT_NODE_ID: 'b' })]);
}

/** The node that a connection is on, by the log of both. */
function addressesOn({ log }: ServerProcess): unknown[] {
  return log.filter(({ msg }) => msg === 'connected').map((line) => line['address']);
}

for (const kind of proxyKinds) {
  const skip = isInstalled(kind) ? false : `${kind.name} is not installed (Debian: apt-get install ${kind.name})`;

  test(`${kind.name}: upgrades, health, addresses and long tokens`, { skip }, async (t) => {
    const both = await nodes(t);
    const proxy = await startProxy(
      t,
      kind,
      both.map(({ port }) => port),
    );
    const jwt = token('ann', { admin: true });
    const connect = (headers = {}) =>
      client(t, { ...both[0], url: proxy.url }, { token: jwt, localAddress: CLIENT, headers });
    const clients = await Promise.all([connect(), connect(), connect(), connect()]);
    const counts = both.map((node) => addressesOn(node).length);
    t.ok(
      counts.every((count) => count > 0),
      `both nodes have clients: ${counts.join(' and ')}`,
    );
    await Promise.all(clients.map((one) => one.subscribe('shared')));
    const [writer] = clients;
    const id = writer.send('delta', { documentId: 'shared', delta: { title: 'x' }, clientId: 'ann' });
    await writer.acked(id);
    for (const one of clients.slice(1)) await one.expect('the update', ({ type }) => type === 'delta');

    // A client can not choose its address.
    await connect({ 'x-forwarded-for': '9.9.9.9' });
    t.strictSame(new Set(both.flatMap(addressesOn)), new Set([CLIENT]), 'the address is the real one');

    const longToken = token('b'.repeat(20_000), { admin: true });
    t.ok(longToken.length > 20_000);
    await client(t, { ...both[0], url: proxy.url }, { token: longToken });
    await client(t, { ...both[0], url: proxy.url }, { headers: { authorization: `Bearer ${longToken}` } });
    t.notMatch(proxy.output(), jwt, 'tokens are not logged');

    t.equal((await fetch(`${proxy.http}/health/ready`)).status, 200);
    t.equal((await fetch(`${proxy.http}/health/live`)).status, 200);
    const metrics = await fetch(`${proxy.http}/metrics`, { headers: { authorization: `Bearer ${secret}` } });
    t.equal(metrics.status, 404, 'metrics are not public');
  });

  test(`${kind.name}: a node that drains hands its clients over, and nobody is refused`, { skip }, async (t) => {
    const both = await nodes(t);
    const proxy = await startProxy(
      t,
      kind,
      both.map(({ port }) => port),
    );
    const jwt = token('ann', { admin: true });
    const connect = () => RawClient.connect(proxy.url, { token: jwt });
    const clients = await Promise.all(Array.from({ length: 6 }, connect));
    t.teardown(() => clients.forEach(({ socket }) => socket.terminate()));
    let failed = 0;
    let opened = 0;
    const over = new AbortController();
    const fresh = (async () => {
      while (!over.signal.aborted) {
        const one = await connect().catch(() => undefined);
        if (one === undefined) failed++;
        else opened++;
        one?.socket.terminate();
      }
    })();
    await until('some connections', () => opened > 5);
    t.same(await both[0].kill('SIGTERM'), { code: 0, signal: null });
    const before = opened;
    await until('more connections, all to the other node', () => opened > before + 20);
    over.abort();
    await fresh;
    t.equal(failed, 0, `none of ${opened} new connections was refused`);
    const closed = clients.filter((one) => one.closed !== undefined);
    t.ok(closed.length > 0);
    t.ok(
      closed.every((one) => one.closed?.code === 1012),
      'the clients are told to connect again',
    );
    t.equal((await fetch(`${proxy.http}/health/ready`)).status, 200);
  });

  test(`${kind.name}: an idle connection stays open by the pings of the server`, { skip }, async (t) => {
    const both = await nodes(t, { WS_HEARTBEAT_INTERVAL: '4000', WS_HEARTBEAT_TIMEOUT: '8000' });
    // The same proportion as with the defaults, in less time: 30 s between pings, 90 s in the proxy.
    const shorter = (text: string): string => text.replaceAll('90s', '9s');
    const proxy = await startProxy(
      t,
      kind,
      both.map(({ port }) => port),
      shorter,
    );
    const socket = new WebSocket(proxy.url, { headers: { authorization: `Bearer ${token('ann')}` } });
    t.teardown(() => socket.terminate());
    await once(socket, 'open');
    let pings = 0;
    socket.on('ping', () => pings++);
    await until(
      'more pings than fit into the time of the proxy',
      () => pings >= 4 || socket.readyState !== WebSocket.OPEN,
    );
    t.equal(socket.readyState, WebSocket.OPEN);
  });
}

test('the proxies wait for longer than the server between two pings', async (t) => {
  const { configOf } = await import('../../support/network/front-proxy.js');
  const { variables } = await import('../../../src/config/variables/table.js');
  const interval = Number(variables.heartbeatIntervalMs.default);
  const times: Record<ProxyKind['name'], RegExp> = {
    nginx: /proxy_(?:read|send)_timeout (\d+)s/g,
    haproxy: /timeout (?:client|server|tunnel) (\d+)s/g,
    // It has none for upgraded connections.
    caddy: /$^/g,
  };
  for (const kind of proxyKinds) {
    for (const [line, seconds] of configOf(kind, 1, [2, 3]).matchAll(times[kind.name])) {
      t.ok(Number(seconds) * 1_000 > interval, `${kind.name}: ${line}`);
    }
  }
});
