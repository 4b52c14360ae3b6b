/** What the scripts measure, and the gates that decide whether a run passed. */
import { Counter, Rate, Trend } from 'k6/metrics';
import { maxErrors, slack } from './settings.js';

/** From sending a write until its ack was read from the socket. */
export const ackLatency = new Trend('ack_latency', true);
/** From sending a write until a subscriber read it from its socket. */
export const fanoutLatency = new Trend('fanout_latency', true);
/** From the attempt to connect, or from the loss of the connection, until the document was received. */
export const joinLatency = new Trend('join_latency', true);

/** Joins that ended with the document in time. */
export const joined = new Rate('joined');
/** Writes that were acknowledged in time. */
export const acked = new Rate('acked');

export const writes = new Counter('writes');
/** Updates received that were new to the subscriber. */
export const deliveries = new Counter('deliveries');
/** Error messages, refusals, unasked-for closings, answers that did not come. Tagged with the reason. */
export const errors = new Counter('errors');
/** Updates that a subscriber never received, and acknowledged writes that the server no longer has. */
export const lost = new Counter('lost');
/** Attempts to connect again. */
export const reconnects = new Counter('reconnects');

/** Clients that finished: k6 does not report those that it had to interrupt. */
export const finished = new Counter('finished');

const reported = new Set();

/** Counts an error. */
export function problem(reason, text = '') {
  errors.add(1, { reason });
  report(reason, text);
}

/** Counts what was lost, if anything. */
export function lose(count, reason) {
  if (count === 0) return;
  lost.add(count, { reason });
  report(`lost: ${reason}`);
}

/** Each VU names each reason once on the screen. */
function report(reason, text = '') {
  if (reported.has(reason)) return;
  reported.add(reason);
  console.warn(`${reason} ${text}`.trim());
}

/**
 * Thresholds every crowd has to pass. Latencies in milliseconds, multiplied by SLACK.
 *
 * @param limits `{ack: [p95, p99], fanout: [p95, p99], join: [p95, p99]}`
 * @param clients How many have to finish.
 * @param scenario Only this scenario's writes and deliveries are held against the limits.
 */
export function gates(limits, clients, scenario = '') {
  const only = scenario === '' ? '' : `{scenario:${scenario}}`;
  return {
    [`ack_latency${only}`]: percentiles(limits.ack),
    [`fanout_latency${only}`]: percentiles(limits.fanout),
    join_latency: percentiles(limits.join),
    joined: ['rate>=0.999'],
    acked: ['rate>=0.9999'],
    // A run in which nothing happened has shown nothing.
    writes: ['count>0'],
    deliveries: ['count>0'],
    errors: [`count<=${maxErrors}`],
    lost: ['count==0'],
    finished: [`count==${clients}`],
    checks: ['rate==1'],
  };
}

function percentiles([p95, p99]) {
  return [`p(95)<${p95 * slack}`, `p(99)<${p99 * slack}`];
}

/** What the summary shows of a latency. */
export const summaryTrendStats = ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'];
