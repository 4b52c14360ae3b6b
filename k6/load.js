/**
 * Load: 10 000 connections on 1 000 documents come within a minute, then every document is written twice a second, by its
 * ten clients in turn. Shows that the server carries the number it is made for: nobody is turned away, every write is
 * acknowledged and reaches everyone, and how long both take.
 *
 *   k6 run k6/load.js
 *   k6 run -e URL=wss://sync.example.com/ws -e TOKEN=… k6/load.js
 *   k6 run -e CONNECTIONS=1000 -e DOCUMENTS=100 -e RAMP=10s -e DURATION=30s -e SLACK=5 k6/load.js
 *
 * CONNECTIONS (10000), DOCUMENTS (1000), RATE (2 writes per second and document), RAMP (60s), DURATION (60s), and those
 * that all scripts share (README.md).
 */
import { options as optionsOf, runCrowd, scenario } from './lib/crowd.js';
import { gates } from './lib/metrics.js';
import { duration, number, whole } from './lib/settings.js';

const crowd = {
  name: 'load',
  connections: whole('CONNECTIONS', 10_000),
  documents: whole('DOCUMENTS', 1_000),
  rate: number('RATE', 2),
  ramp: duration('RAMP', '60s'),
  hold: duration('DURATION', '60s'),
};

export const options = optionsOf(
  { load: scenario(crowd) },
  gates({ ack: [10, 25], fanout: [10, 20], join: [100, 250] }, crowd.connections),
);

export { setup } from './lib/crowd.js';

export default function (run) {
  runCrowd(crowd, run);
}
