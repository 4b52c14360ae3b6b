/** The server's memory, as Prometheus would read it. */
import http from 'k6/http';
import { sleep } from 'k6';
import { Gauge } from 'k6/metrics';
import { problem } from './metrics.js';
import { headers } from './settings.js';

const PAUSE_SECONDS = 10;

const resident = new Gauge('server_resident_bytes');
/** The resident memory, as a multiple of what it was at first. */
const growth = new Gauge('server_memory_growth');

let first;

export function memoryGates(memory) {
  return { server_memory_growth: [`value<${memory.growth}`] };
}

/** Reads the memory once, and waits until it is time to do so again. */
export function watchMemory(memory) {
  const { body } = http.get(memory.url, { headers });
  const match = /^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)/m.exec(body ?? '');
  if (match === null) problem('no process_resident_memory_bytes', `at ${memory.url}`);
  else {
    const bytes = Number(match[1]);
    first ??= bytes;
    resident.add(bytes);
    growth.add(bytes / first);
  }
  sleep(PAUSE_SECONDS);
}
