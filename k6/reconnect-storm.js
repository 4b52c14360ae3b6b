/**
 * Reconnect storm: 5 000 clients that are writing lose their connections all at once and come back at once, three times,
 * as after a proxy's restart or a network's failure. What was not acknowledged they send again. Shows how soon everyone has
 * its document back, that the server stays up meanwhile, and that nothing is lost or applied twice over.
 *
 *   k6 run k6/reconnect-storm.js
 *   k6 run -e CONNECTIONS=300 -e DOCUMENTS=30 -e RAMP=5s -e EVERY=8s -e SLACK=5 k6/reconnect-storm.js
 *   k6 run -e WAVES=0 -e DURATION=60s k6/reconnect-storm.js    and restart the server while it runs, `kill -9` included
 *
 * CONNECTIONS (5000), DOCUMENTS (500), RATE (1 write per second and document), WAVES (3), EVERY (20s between them), JITTER
 * (100ms over which a wave is spread), RAMP (30s), DURATION ((WAVES + 1) × EVERY), and those that all scripts share
 * (README.md). The server needs a WS_MAX_CONNECTIONS above CONNECTIONS: it may see the new ones before the old have ended.
 */
import { options as optionsOf, runCrowd, scenario } from './lib/crowd.js';
import { gates } from './lib/metrics.js';
import { duration, number, whole } from './lib/settings.js';

const waves = whole('WAVES', 3, 0);
const every = duration('EVERY', '20s');
const jitter = duration('JITTER', '100ms');

const crowd = {
  name: 'storm',
  connections: whole('CONNECTIONS', 5_000),
  documents: whole('DOCUMENTS', 500),
  rate: number('RATE', 1),
  ramp: duration('RAMP', '30s'),
  hold: duration('DURATION', `${(waves + 1) * every}ms`),
  tolerant: true,
  during(client, at) {
    for (let wave = 1; wave <= waves; wave++) at(wave * every + Math.random() * jitter, () => client.drop());
  },
};

export const options = optionsOf(
  { storm: scenario(crowd) },
  {
    ...gates({ ack: [100, 1_000], fanout: [100, 1_000], join: [1_500, 3_000] }, crowd.connections),
    reconnects: ['count>0'],
  },
);

export { setup } from './lib/crowd.js';

export default function (run) {
  runCrowd(crowd, run);
}
