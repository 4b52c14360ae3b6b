/**
 * Fan-out: 1 000 clients listen to one document, and one client on a VU of its own writes to it ten times a second. Shows
 * how long an update takes to the last of many subscribers, and that each of them gets every single one.
 *
 *   k6 run k6/fan-out.js
 *   k6 run -e CONNECTIONS=5000 -e RATE=2 k6/fan-out.js
 *   k6 run -e CONNECTIONS=200 -e RATE=5 -e RAMP=5s -e DURATION=20s -e SLACK=5 k6/fan-out.js
 *
 * CONNECTIONS (1000 subscribers), RATE (10 writes per second), WRITERS (1; they take turns), VALUE_BYTES (0), RAMP (15s),
 * DURATION (60s), and those that all scripts share (README.md). Above 1000 / SYNC_BATCH_DELAY writes per second the server
 * collects what it sends, so that latencies up to that delay are by design.
 */
import { options as optionsOf, runCrowd, scenario } from './lib/crowd.js';
import { gates } from './lib/metrics.js';
import { duration, number, whole } from './lib/settings.js';

const ramp = duration('RAMP', '15s');
const hold = duration('DURATION', '60s');
/** In which the writers come, and in which the last updates arrive. */
const MARGIN_MS = 5_000;

const readers = {
  name: 'reader',
  connections: whole('CONNECTIONS', 1_000),
  documents: 1,
  rate: 0,
  ramp,
  hold: MARGIN_MS + hold + MARGIN_MS,
};
const authors = {
  name: 'writer',
  connections: whole('WRITERS', 1),
  documents: 1,
  rate: number('RATE', 10),
  ramp: MARGIN_MS,
  hold,
};

export const options = optionsOf(
  {
    subscribers: scenario(readers, { exec: 'subscribers' }),
    writers: scenario(authors, { exec: 'writers', startTime: `${ramp}ms` }),
  },
  gates({ ack: [10, 25], fanout: [15, 30], join: [100, 250] }, readers.connections + authors.connections),
);

export { setup } from './lib/crowd.js';

export function subscribers(run) {
  runCrowd(readers, run);
}

export function writers(run) {
  runCrowd(authors, run);
}
