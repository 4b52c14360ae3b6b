/** The HTTP routes, under autocannon. */
import autocannon from 'autocannon';
import { rounded } from '../measure.js';
import { SHARDS } from '../servers/measured-server.js';
import { cpuSince, cpuTimes } from '../servers/process-stats.js';
import { secret, tokens } from '../load/tokens.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 4;
const CONNECTIONS = 20;
const DOCUMENT = '/documents/bench';

interface Request {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'PUT';
  readonly path: string;
  readonly type?: string;
  readonly body?: string;
}

const get = (path: string): Request => ({ method: 'GET', path });
const json = 'application/json';
const fields = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`field-${i}`, `value ${i}`]));

/** What the others read. */
const prepare: readonly Request[] = [
  { method: 'PATCH', path: DOCUMENT, type: json, body: JSON.stringify(fields) },
  { method: 'PUT', path: `${DOCUMENT}/text`, type: 'text/plain', body: 'What is read over and over. '.repeat(40) },
  { method: 'POST', path: `/snapshots/bench` },
];

/** Streams of events are no requests; what ends documents or nodes can't be repeated. */
const requests: readonly Request[] = [
  ...['/health/live', '/health', '/metrics', '/', '/rooms', '/openapi.json', '/playground'].map(get),
  ...[DOCUMENT, `${DOCUMENT}?fields=field-1`, `${DOCUMENT}/text`, '/documents?limit=100'].map(get),
  ...['/snapshots/bench', '/snapshots/bench/latest', '/admin/nodes', '/admin/documents', '/admin/connections'].map(get),
  { method: 'PATCH', path: DOCUMENT, type: json, body: '{"field-1":"written"}' },
  { method: 'POST', path: `${DOCUMENT}/deltas`, type: json, body: '{"deltas":[{"field":"field-2","value":1}]}' },
  { method: 'PUT', path: `${DOCUMENT}/text`, type: 'text/plain', body: 'What is read over and over. '.repeat(40) },
];

export const http: Scenario = {
  name: 'http',
  about: 'requests per second, by autocannon in the process of the bench',
  rounds: 3,
  conditions: (options) => ({
    connections: CONNECTIONS,
    shards: SHARDS,
    'seconds per number': options.seconds ?? SECONDS,
  }),
  async run(bench) {
    const duration = bench.options.seconds ?? SECONDS;
    const server = await bench.server({ storage: 'memory', env: { JWT_SECRET: secret } });
    const rows: Row[] = [];
    for (const request of prepare) await send(server.http, request);
    for (const request of requests) {
      const { method, path, type, body } = request;
      // A build without the route has nothing to measure.
      if (!(await send(server.http, request)).ok) continue;
      const headers = headersOf(type);
      const load = { url: server.http + path, method, headers, connections: CONNECTIONS, ...(body && { body }) };
      await autocannon({ ...load, duration: Math.min(1, duration) });
      const [serverBefore, ownBefore] = [cpuTimes(server.pid), cpuTimes(process.pid)];
      const result = await autocannon({ ...load, duration });
      const [used, own] = [cpuSince(server.pid, serverBefore), cpuSince(process.pid, ownBefore)];
      const requests = result.requests.total;
      rows.push({
        route: `${method} ${path}`,
        'requests/s': Math.round(result.requests.average),
        'p50 ms': result.latency.p50,
        'p99 ms': result.latency.p99,
        failed: result.errors + result.non2xx,
        'acceptor µs/request': rounded(used.main / requests),
        'acceptor CPU %': Math.round(used.main / result.duration / 10_000),
        'load CPU %': Math.round((own.main + own.others) / result.duration / 10_000),
      });
    }
    return rows;
  },
};

function send(to: string, { method, path, type, body }: Request): Promise<Response> {
  return fetch(to + path, { method, headers: headersOf(type), ...(body !== undefined && { body }) });
}

const [admin = ''] = tokens(1, 'admin', { isAdmin: true });

function headersOf(type: string | undefined): Record<string, string> {
  return { authorization: `Bearer ${admin}`, ...(type !== undefined && { 'content-type': type }) };
}
