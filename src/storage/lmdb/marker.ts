/**
 * The file `synckit.json` in the folder of the storage says that documents were stored there. LMDB makes a new file
 * where there is none: without the marker, a server whose file was lost would start with nothing and take writes.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

export const markerName = 'synckit.json';

export interface Marker {
  /** When the folder was first used, in ISO 8601. */
  readonly since: string;
}

/** @returns Undefined when there is none; one that can't be parsed is there all the same. */
export function readMarker(directory: string): Marker | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, markerName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { since } = JSON.parse(text) as Partial<Record<keyof Marker, unknown>>;
    return { since: typeof since === 'string' ? since : 'an unknown day' };
  } catch {
    return { since: 'an unknown day' };
  }
}

/** Writes the marker, durable but for its directory entry. Several processes may do so at once. */
export function writeMarker(directory: string): void {
  const text = `${JSON.stringify({ storage: 'lmdb', since: new Date().toISOString() })}\n`;
  const path = join(directory, markerName);
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
