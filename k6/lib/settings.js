/** Parameters, given by `-e NAME=value`. A bad value ends the run before it begins. */
/* global __ENV */

export function text(name, fallback) {
  const value = __ENV[name];
  return value === undefined || value === '' ? fallback : value;
}

/** A number above 0. */
export function number(name, fallback) {
  const value = Number(text(name, fallback));
  if (!(value > 0 && value < Infinity)) throw new Error(`${name} must be a number above 0`);
  return value;
}

/** A whole number. */
export function whole(name, fallback, least = 1) {
  const value = Number(text(name, fallback));
  if (!(Number.isSafeInteger(value) && value >= least)) throw new Error(`${name} must be a whole number from ${least}`);
  return value;
}

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A length of time such as 500ms, 30s, 5m or 1h, in milliseconds. */
export function duration(name, fallback) {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text(name, fallback));
  if (match === null) throw new Error(`${name} must be a length of time such as 500ms, 30s, 5m or 1h`);
  return Number(match[1]) * units[match[2]];
}

export const url = text('URL', 'ws://127.0.0.1:8080/ws');

/** Where the server's HTTP routes begin. */
export const httpUrl = url.replace(/^ws/, 'http').replace(/\/ws(\?.*)?$/, '');

/** A JWT for servers that require authentication. It goes into a header, so that no output of k6 shows it as a URL. */
export const headers = text('TOKEN', '') === '' ? {} : { Authorization: `Bearer ${text('TOKEN', '')}` };

/** Connections that one VU holds. VUs are dear (a JavaScript engine each), connections are not. */
export const perVu = whole('PER_VU', 10);

/** What latencies may be, as a multiple of the gates: for small or shared machines. */
export const slack = number('SLACK', 1);

/** Errors that a run may have. */
export const maxErrors = whole('MAX_ERRORS', 0, 0);

/** One latency of so many is recorded. k6 keeps every one that is, in memory: long runs take 10 or more. */
export const sampling = whole('SAMPLING', 1);

/** Bytes of text in each value, besides about 60 for writer, count and time. */
export const valueBytes = whole('VALUE_BYTES', 0, 0);
