/**
 * Soak: 1 000 clients write for hours at an easy rate, and each is replaced by a new connection every few minutes. Shows
 * what only time shows: memory that grows, sessions that are not forgotten, latencies that creep up, tokens and heartbeats.
 *
 *   k6 run -e SAMPLING=10 k6/soak.js
 *   k6 run -e DURATION=12h -e SAMPLING=100 -e METRICS_URL=http://127.0.0.1:8080/metrics k6/soak.js
 *   k6 run -e CONNECTIONS=100 -e DOCUMENTS=10 -e RAMP=5s -e DURATION=60s -e LIFETIME=15s -e SLACK=5 k6/soak.js
 *
 * CONNECTIONS (1000), DOCUMENTS (100), RATE (1 write per second and document), RAMP (30s), DURATION (2h), LIFETIME (5m on
 * average), METRICS_URL (none; with it the resident memory is a gate too), MEMORY_GROWTH (1.5 times what it was after
 * WARM_UP at most), WARM_UP (5m), and those that all scripts share (README.md).
 */
import { options as optionsOf, runCrowd, scenario } from './lib/crowd.js';
import { memoryGates, watchMemory } from './lib/memory.js';
import { gates } from './lib/metrics.js';
import { duration, number, text, whole } from './lib/settings.js';

const lifetime = duration('LIFETIME', '5m');
const metricsUrl = text('METRICS_URL', '');
/** A client that is about to leave for good is not replaced before. */
const LAST_REPLACEMENT_MS = 15_000;

const crowd = {
  name: 'soak',
  connections: whole('CONNECTIONS', 1_000),
  documents: whole('DOCUMENTS', 100),
  rate: number('RATE', 1),
  ramp: duration('RAMP', '30s'),
  hold: duration('DURATION', '2h'),
  during(client, at) {
    const replace = (ms) => {
      const next = ms + lifetime * (0.5 + Math.random());
      if (next > crowd.hold - LAST_REPLACEMENT_MS) return;
      at(next, () => {
        client.leave(() => client.join());
        replace(next);
      });
    };
    replace(0);
  },
};

const memory = { url: metricsUrl, warmUp: duration('WARM_UP', '5m'), growth: number('MEMORY_GROWTH', 1.5) };

const watcher = {
  executor: 'constant-vus',
  vus: 1,
  exec: 'watch',
  startTime: `${crowd.ramp + memory.warmUp}ms`,
  duration: `${Math.max(1_000, crowd.hold - memory.warmUp)}ms`,
};

export const options = optionsOf(
  { soak: scenario(crowd), ...(metricsUrl === '' ? {} : { watcher }) },
  {
    ...gates({ ack: [10, 25], fanout: [10, 25], join: [100, 250] }, crowd.connections),
    ...(metricsUrl === '' ? {} : memoryGates(memory)),
  },
);

export { setup } from './lib/crowd.js';

export default function (run) {
  runCrowd(crowd, run);
}

export function watch() {
  watchMemory(memory);
}
