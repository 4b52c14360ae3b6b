/** The file `backup.json` of a backup: what the databases beside it hold. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Counts, Environment } from '../environments/environment.js';
import { environments } from '../environments/list.js';

export const manifestName = 'backup.json';

/** What is said of one environment. */
export interface Part {
  /** Version of its layout. */
  readonly format: number;
  /** Of its `data.mdb`, in hexadecimal digits. */
  readonly sha256: string;
  readonly counts: Counts;
}

export interface Manifest {
  /** When it was begun, in ISO 8601: everything that was acknowledged before is in it. */
  readonly created: string;
  /** That of the documents is always there; backups of older versions have no other one. */
  readonly parts: ReadonlyMap<Environment, Part>;
}

/** Writes the manifest of a backup in a folder. What is said of the documents is not nested: older versions read it too. */
export function writeManifest(folder: string, { created, parts }: Manifest): void {
  const written: Record<string, unknown> = { created };
  for (const [environment, { format, sha256, counts }] of parts) {
    const part = { format, ...counts, sha256 };
    if (environment.folder === '') Object.assign(written, part);
    else written[environment.name] = part;
  }
  writeFileSync(join(folder, manifestName), `${JSON.stringify(written, undefined, 2)}\n`, { mode: 0o600 });
}

/** @returns Undefined when it can't be read. */
export function readManifest(folder: string): Manifest | undefined {
  let written: Record<string, unknown>;
  try {
    written = JSON.parse(readFileSync(join(folder, manifestName), 'utf8')) as typeof written;
  } catch {
    return undefined;
  }
  const { created } = written;
  if (typeof created !== 'string') return undefined;
  const parts = new Map<Environment, Part>();
  for (const environment of environments) {
    const isNested = environment.folder !== '';
    const found = isNested ? written[environment.name] : written;
    if (isNested && found === undefined) continue;
    const part = partOf(found, environment);
    if (part === undefined) return undefined;
    parts.set(environment, part);
  }
  return { created, parts };
}

function partOf(found: unknown, { counted }: Environment): Part | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  const { format, sha256, ...others } = found as Record<string, unknown>;
  const names = Object.keys(counted);
  // Older versions did not count histories.
  const counts = Object.fromEntries(names.map((name) => [name, (others[name] ?? 0) as number]));
  if (typeof sha256 !== 'string' || ![format, ...Object.values(counts)].every(Number.isSafeInteger)) return undefined;
  return { format: format as number, sha256, counts };
}
