/** The HTTP routes, under autocannon. */
import autocannon from 'autocannon';
import { rounded } from '../measure.js';
import { SHARDS } from '../measured-server.js';
import { cpuSince, cpuTimes } from '../process-stats.js';
import type { Row, Scenario } from '../scenario.js';

const SECONDS = 4;
const CONNECTIONS = 20;
const ROUTES = ['/health/live', '/health', '/metrics'];

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
    const server = await bench.server({ storage: 'memory' });
    const rows: Row[] = [];
    for (const route of ROUTES) {
      const url = server.http + route;
      // A build without the route has nothing to measure.
      if ((await fetch(url)).status !== 200) continue;
      await autocannon({ url, connections: CONNECTIONS, duration: Math.min(1, duration) });
      const [serverBefore, ownBefore] = [cpuTimes(server.pid), cpuTimes(process.pid)];
      const result = await autocannon({ url, connections: CONNECTIONS, duration });
      const [used, own] = [cpuSince(server.pid, serverBefore), cpuSince(process.pid, ownBefore)];
      const requests = result.requests.total;
      rows.push({
        route,
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
