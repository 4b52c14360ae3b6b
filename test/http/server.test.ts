import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type Test } from 'tap';
import uWS from 'uWebSockets.js';
import type { HttpDeps } from '../../src/http/ports.js';
import { registerHttp } from '../../src/http/server.js';
import { createLogger } from '../../src/log.js';
import { entryOf } from '../contract/shared-state.js';

const silent = createLogger({ logLevel: 'silent', nodeId: 'test', logFile: undefined });

const rest = { environment: 'test', metricsToken: undefined, isOpenByDefault: false } as const;

/** Starts an app with the routes on a free port; it closes with the test. @returns Its address. */
function start(t: Test, changes: Partial<HttpDeps> = {}): Promise<string> {
  const deps: HttpDeps = {
    config: { corsOrigins: ['*'], ...rest },
    log: silent,
    version: '1.2.3',
    startedAt: Date.now() - 5_000,
    readiness: () => ({ ready: true, reasons: [], notes: [] }),
    connections: () => ({ totalConnections: 3, totalUsers: 2, totalClients: 4 }),
    documents: (limit) => ({
      totalDocuments: 1_000,
      documents: Array.from({ length: limit }, (_, n) => ({ id: `d${n}`, subscribers: n, lastModified: 1_000 + n })),
    }),
    cluster: () => undefined,
    refusalOf: () => undefined,
    draining: () => false,
    ...changes,
  };
  const app = uWS.App();
  app.ws('/ws', {});
  registerHttp(app, deps);
  t.teardown(() => app.close());
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket === false) reject(new Error('no port'));
      else resolve(`http://127.0.0.1:${uWS.us_socket_local_port(socket)}`);
    });
  });
}

async function json(response: Response): Promise<unknown> {
  return response.json();
}

test('GET / describes the server', async (t) => {
  const response = await fetch(await start(t));
  t.equal(response.status, 200);
  t.match(await json(response), {
    name: 'SyncKit Server',
    version: '1.2.3',
    endpoints: { ws: '/ws', health: '/health' },
  });
});

test('GET /health has the shape of the reference server', async (t) => {
  const response = await fetch(`${await start(t)}/health?verbose=1`);
  t.equal(response.status, 200);
  const body = (await json(response)) as { uptime: number; documents: { documents: unknown[] } };
  t.match(body, {
    status: 'healthy',
    timestamp: /^\d{4}-\d\d-\d\dT.*Z$/,
    version: '1.2.3',
    uptime: Number,
    connections: { totalConnections: 3, totalUsers: 2, totalClients: 4 },
    documents: { totalDocuments: 1_000 },
  });
  t.ok(body.uptime >= 5);
  t.equal(body.documents.documents.length, 100, 'the list is bounded');
  t.same(body.documents.documents[7], { id: 'd7', subscribers: 7, lastModified: 1_007 });
});

test('GET /health and /rooms show the cluster, without anything that is not public', async (t) => {
  const facts = entryOf({ nodeId: 'secret', host: 'secret', run: 'secret', pid: 4_711 });
  const nodes = [
    { facts, self: true },
    { facts: { ...facts, publicId: 'other', draining: true, startedAt: Date.now() + 60_000 }, self: false },
  ];
  const rooms = [
    { id: 'x', subscribers: 9, lastModified: 5, nodes: 2 },
    { id: 'room:one', subscribers: 3, lastModified: 5, nodes: 2 },
    { id: 'room:one:text:a', subscribers: 3, lastModified: 5, nodes: 2 },
    { id: 'wordwall', subscribers: 2, lastModified: 6, nodes: 1 },
  ];
  let stale = false;
  const url = await start(t, { cluster: () => ({ stale, ageMs: stale ? undefined : 1_500, nodes, rooms }) });
  const health = async () => ((await json(await fetch(`${url}/health`))) as { cluster: object }).cluster;
  t.match(await health(), {
    stale: false,
    age: 1.5,
    nodes: [
      { id: 'public', version: '1.2.3', connections: 1, documents: 4, draining: false, self: true },
      { id: 'other', uptime: 0, draining: true, self: false },
    ],
    totals: { nodes: 2, connections: 2, users: 4, clients: 6, documents: 8 },
  });
  t.notMatch(JSON.stringify(await health()), /secret|4711|8080/);
  t.same(await json(await fetch(`${url}/rooms`)), {
    rooms: [{ id: 'one', subscriberCount: 3, lastModified: 5 }],
    totalConnections: 2,
    totalRooms: 1,
    wordwall: { id: 'wordwall', subscriberCount: 2, lastModified: 6 },
  });
  stale = true;
  t.match(await health(), { stale: true, age: null, note: /only this node/ });
});

test('GET /rooms of a single node has its own rooms, and none of other documents', async (t) => {
  t.same(await json(await fetch(`${await start(t)}/rooms`)), {
    rooms: [],
    totalConnections: 3,
    totalRooms: 0,
    wordwall: null,
  });
});

test('GET /health/live is 200 whatever the state', async (t) => {
  const response = await fetch(
    `${await start(t, { draining: () => true, readiness: () => ({ ready: false, reasons: ['x'], notes: [] }) })}/health/live`,
  );
  t.equal(response.status, 200);
  t.same(await json(response), { status: 'alive' });
});

test('GET /health/ready follows the readiness', async (t) => {
  let ready = true;
  const url = await start(t, {
    readiness: () => ({ ready, reasons: ready ? [] : ['Storage does not answer.'], notes: [] }),
  });
  t.equal((await fetch(`${url}/health/ready`)).status, 200);
  ready = false;
  const response = await fetch(`${url}/health/ready`);
  t.equal(response.status, 503);
  t.same(await json(response), { status: 'not ready', reasons: ['Storage does not answer.'] });
  t.match(await json(await fetch(`${url}/health`)), { status: 'degraded' });
});

test('GET /health/ready shows problems that do not make the node unready', async (t) => {
  const notes = ['No connection to the bus.'];
  const url = await start(t, { readiness: () => ({ ready: true, reasons: [], notes }) });
  const response = await fetch(`${url}/health/ready`);
  t.equal(response.status, 200);
  t.same(await json(response), { status: 'ready', notes });
});

test('DRN1, DRN5: while draining the node is not ready and keeps no connection alive', async (t) => {
  let draining = false;
  const url = await start(t, { draining: () => draining });
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (data: string) => (received += data));
  const ask = async (path: string) => {
    const before = received.length;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    while (!received.slice(before).includes('\r\n\r\n')) await once(socket, 'data');
    return received.slice(before);
  };
  t.notMatch(await ask('/health/ready'), /connection: close/i);
  draining = true;
  const closed = once(socket, 'close');
  const answer = await ask('/health/ready');
  t.match(answer, /^HTTP\/1.1 503 /);
  t.match(answer, /connection: close/i);
  t.match(answer, /shutting down/);
  await closed;
});

test('other paths are 404 and other methods 405, in JSON', async (t) => {
  const url = await start(t);
  for (const path of ['/nothing', '/health/', '/healthy', '/%2e%2e/etc', '//', '/constructor']) {
    const response = await fetch(`${url}${path}`);
    t.equal(response.status, 404, path);
    t.same(await json(response), { error: 'Not found' });
  }
  t.equal((await fetch(`${url}/nothing`, { method: 'POST', body: 'x' })).status, 404);
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const response = await fetch(`${url}/health`, { method, ...(method === 'DELETE' ? {} : { body: 'x' }) });
    t.equal(response.status, 405, method);
    t.equal(response.headers.get('allow'), 'GET, HEAD, OPTIONS');
    t.same(await json(response), { error: 'Method not allowed' });
  }
});

test('GET /ws without an upgrade is answered with 426', async (t) => {
  const response = await fetch(`${await start(t)}/ws`);
  t.equal(response.status, 426);
  t.equal(response.headers.get('upgrade'), 'websocket');
});

test('HEAD has the headers of GET and no body', async (t) => {
  const url = await start(t);
  const get = await fetch(`${url}/`);
  const head = await fetch(`${url}/`, { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(await head.text(), '');
  t.equal(head.headers.get('content-length'), `${(await get.arrayBuffer()).byteLength}`);
  t.equal(head.headers.get('content-type'), get.headers.get('content-type'));
});

test('every answer has the security headers', async (t) => {
  const url = await start(t);
  for (const path of ['/', '/health/ready', '/nothing']) {
    const { headers } = await fetch(`${url}${path}`);
    t.equal(headers.get('cache-control'), 'no-store');
    t.equal(headers.get('x-content-type-options'), 'nosniff');
    t.equal(headers.get('x-frame-options'), 'DENY');
    t.equal(headers.get('referrer-policy'), 'no-referrer');
    t.match(headers.get('content-security-policy'), /default-src 'none'/);
    t.equal(headers.get('content-type'), 'application/json');
  }
});

test('CORS: everyone, the listed origins, or nobody', async (t) => {
  const allowed = async (corsOrigins: string[], origin: string) => {
    const { headers } = await fetch(await start(t, { config: { corsOrigins, ...rest } }), { headers: { origin } });
    return [headers.get('access-control-allow-origin'), headers.get('vary')];
  };
  t.same(await allowed(['*'], 'https://a.example'), ['*', null]);
  t.same(await allowed(['https://a.example'], 'https://a.example'), ['https://a.example', 'Origin']);
  t.same(await allowed(['https://a.example'], 'https://b.example'), [null, 'Origin']);
  t.same(await allowed([], 'https://a.example'), [null, null]);
});

test('CORS: a preflight is answered for the known paths and origins', async (t) => {
  const url = await start(t, {
    config: { corsOrigins: ['https://a.example'], ...rest },
  });
  const preflight = (path: string, origin: string) => fetch(url + path, { method: 'OPTIONS', headers: { origin } });
  const granted = await preflight('/health', 'https://a.example');
  t.equal(granted.status, 204);
  t.equal(granted.headers.get('access-control-allow-methods'), 'GET, HEAD, OPTIONS');
  t.equal(granted.headers.get('access-control-allow-origin'), 'https://a.example');
  const denied = await preflight('/health', 'https://b.example');
  t.equal(denied.status, 204);
  t.equal(denied.headers.get('access-control-allow-methods'), null);
  t.equal((await preflight('/nothing', 'https://a.example')).status, 404);
});

test('an internal failure is a 500 without details, and the server keeps running', async (t) => {
  const connections = () => {
    throw new Error('hunter2');
  };
  const url = await start(t, { connections });
  const response = await fetch(`${url}/health`);
  t.equal(response.status, 500);
  t.notMatch(await response.text(), /hunter2/);
  t.equal((await fetch(url)).status, 200);
});
