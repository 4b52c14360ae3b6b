import { readFileSync } from 'node:fs';

/** The cases of a vector file. Their shapes are described in the README beside the originals and by each test. */
export function vectorCases(file: string): unknown[] {
  const text = readFileSync(new URL(`../../../test/vectors/${file}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { cases: unknown[] }).cases;
}

/** JSON as a client's core keeps it: compact, object keys sorted by their UTF-8 bytes at every level. */
export function canonical(json: string): string {
  return serialise(JSON.parse(json));
}

// Not by way of an object with sorted keys: JavaScript puts keys that look like integers first.
function serialise(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(serialise).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${serialise(inner)}`).join()}}`;
}
