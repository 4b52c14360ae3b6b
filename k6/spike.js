/**
 * Spike: 1 000 clients work as usual; then 8 000 more come to the same documents within five seconds, stay, and all leave.
 * Shows that those who were there hardly notice: only their latencies are held against the gates. Nobody may be turned
 * away, and the newcomers must have their documents soon.
 *
 *   k6 run k6/spike.js
 *   k6 run -e CONNECTIONS=100 -e SPIKE=800 -e DOCUMENTS=10 -e SLACK=5 k6/spike.js
 *
 * CONNECTIONS (1000), DOCUMENTS (100), RATE (1 write per second and document), SPIKE (8000 more, who only listen),
 * SPIKE_RAMP (5s), SPIKE_HOLD (20s), CALM (20s before and after), RAMP (15s), and those that all scripts share (README.md).
 */
import { options as optionsOf, runCrowd, scenario } from './lib/crowd.js';
import { gates } from './lib/metrics.js';
import { duration, number, whole } from './lib/settings.js';

const ramp = duration('RAMP', '15s');
const calm = duration('CALM', '20s');
const spikeRamp = duration('SPIKE_RAMP', '5s');
const spikeHold = duration('SPIKE_HOLD', '20s');

const usual = {
  name: 'usual',
  connections: whole('CONNECTIONS', 1_000),
  documents: whole('DOCUMENTS', 100),
  rate: number('RATE', 1),
  ramp,
  hold: calm + spikeRamp + spikeHold + calm,
};
const crush = {
  name: 'spike',
  connections: whole('SPIKE', 8_000),
  documents: usual.documents,
  rate: 0,
  ramp: spikeRamp,
  hold: spikeHold,
};

export const options = optionsOf(
  {
    usual: scenario(usual, { exec: 'usualCrowd' }),
    spike: scenario(crush, { exec: 'spikeCrowd', startTime: `${ramp + calm}ms` }),
  },
  gates({ ack: [25, 100], fanout: [25, 100], join: [1_000, 2_000] }, usual.connections + crush.connections, 'usual'),
);

export { setup } from './lib/crowd.js';

export function usualCrowd(run) {
  runCrowd(usual, run);
}

export function spikeCrowd(run) {
  runCrowd(crush, run);
}
