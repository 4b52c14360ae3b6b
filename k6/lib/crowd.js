/** Many clients that come one by one, write in turn, and leave after comparing what they know with the server. */
import exec from 'k6/execution';
import http from 'k6/http';
import { check } from 'k6';
import { setTimeout } from 'k6/timers';
import { Client } from './client.js';
import { finished, summaryTrendStats } from './metrics.js';
import { headers, httpUrl, perVu } from './settings.js';

/** Time that a crowd may need beyond its duration: the last comparison, and connections that are slow to close. */
const OVERTIME_MS = 30_000;
/**
 * Writes of one writer within this time go to different fields: a k6 that has too little CPU sends what it did not get to
 * all at once, and the server may send two writes of one field as one.
 */
const RING_SECONDS = 60;
/** The crowd's end is spread over a time that grows with it: every client asks for its whole document once more. */
const leavingMs = ({ connections }) => Math.max(2_000, connections);

/** Waits for a ready server and gives the run its name, which its documents bear. */
export function setup() {
  const { status } = http.get(`${httpUrl}/health/ready`, { headers });
  if (!check(status, { 'the server is ready': () => status === 200 })) exec.test.abort(`${httpUrl} is not ready`);
  return { run: `k6-${Date.now().toString(36)}` };
}

/** The k6 scenario in which each VU holds its share of the connections. */
export function scenario(crowd, fields) {
  return {
    executor: 'per-vu-iterations',
    vus: Math.ceil(crowd.connections / perVu),
    iterations: 1,
    maxDuration: `${crowd.ramp + crowd.hold + leavingMs(crowd) + OVERTIME_MS}ms`,
    gracefulStop: '0s',
    ...fields,
  };
}

export function options(scenarios, thresholds) {
  return { scenarios, thresholds, summaryTrendStats, setupTimeout: '30s' };
}

/**
 * Runs this VU's share of a crowd.
 *
 * @param crowd
 *   - `name`, `connections`, `documents`: client n belongs to document n modulo documents
 *   - `ramp`, `hold`: milliseconds over which the clients come, and for which they then stay
 *   - `rate`: writes per second and document, 0 for clients that only listen. The clients of a document take turns at
 *     even intervals, and the documents take theirs between each other's.
 *   - `tolerant`: the clients expect to lose their connections
 *   - `during(client, at)`: plans more for a client; `at(ms, task)` counts from the end of the ramp.
 */
export function runCrowd(crowd, { run }) {
  const first = exec.scenario.iterationInTest * perVu;
  const last = Math.min(first + perVu, crowd.connections);
  for (let index = first; index < last; index++) runClient(crowd, run, index);
}

function runClient(crowd, run, index) {
  const { name, connections, documents, ramp, hold, rate, tolerant, during } = crowd;
  const document = index % documents;
  const members = Math.ceil((connections - document) / documents);
  const client = new Client({
    name: `${name}${index}`,
    documentId: `${run}-${document}`,
    ring: Math.max(2, Math.ceil((RING_SECONDS * rate) / members)),
    tolerant,
  });
  const start = exec.scenario.startTime;
  const at = (ms, task) => setTimeout(task, Math.max(0, start + ms - Date.now()));

  at((ramp * index) / connections, () => client.join());
  during?.(client, (ms, task) => at(ramp + ms, task));
  if (rate > 0) {
    const turn = Math.floor(index / documents) + document / documents;
    takeTurns(client, at, { first: (turn * 1_000) / rate, every: (members * 1_000) / rate, until: ramp + hold });
  }
  at(ramp + hold + Math.random() * leavingMs(crowd), () => client.leave(() => finished.add(1)));
}

function takeTurns(client, at, { first, every, until }) {
  const next = (ms) => {
    if (ms >= until) return;
    at(ms, () => {
      client.write();
      next(ms + every);
    });
  };
  next(first);
}
