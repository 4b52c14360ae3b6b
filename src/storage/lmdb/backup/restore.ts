/** Puts a backup in the place of the databases of a data directory that no process has open. */

import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dataName, lockName, makeFolder } from '../before-open.js';
import type { Environment } from '../environments/environment.js';
import { environments, folderOf } from '../environments/list.js';
import { markerName, readMarker, writeMarker } from '../marker.js';
import { digestOf, entriesOf, sync } from './backup.js';
import { refuseOpen } from './in-use.js';
import { inspect } from './inspect.js';
import { manifestName, readManifest, type Manifest } from './manifest.js';

export interface RestoreOptions {
  /** Folder of the backup. */
  readonly from: string;
  /** Data directory; made if it does not exist. */
  readonly to: string;
  /** Whether databases that are there are replaced; they are moved to a folder inside. */
  readonly force: boolean;
}

export interface Restored extends Manifest {
  /** Where to the former databases were moved, if there were any. */
  readonly replaced: string | undefined;
}

/**
 * Restores the environments that the backup has; others stay as they are.
 *
 * @throws Error with a sentence; then the databases are as they were.
 */
export async function restore({ from, to, force }: RestoreOptions): Promise<Restored> {
  const source = resolve(from);
  const target = resolve(to);
  if (source === target) throw new Error('The backup lies in the folder of the storage itself');
  const manifest = await checkBackup(source);
  makeFolder(target);
  refuseAnyOpen(target);
  const restored = [...manifest.parts.keys()];
  const present = restored.filter((environment) => holdsData(folderOf(target, environment)));
  const [first] = present;
  if (first !== undefined && !force) {
    throw new Error(
      `There is a database in ${folderOf(target, first)}. --force restores the backup, and moves the present one aside`,
    );
  }
  const arriving = (environment: Environment): string => join(target, `${environment.name}.restoring`);
  try {
    for (const [environment, { sha256 }] of manifest.parts) {
      makeFolder(folderOf(target, environment));
      const path = arriving(environment);
      copyFileSync(join(folderOf(source, environment), dataName), path);
      sync(path);
      if ((await digestOf(path)) !== sha256) throw new Error(`The copy in ${target} is not the backup: the disk fails`);
    }
    refuseAnyOpen(target);
    // First of all: with them, a server would not begin with nothing if this process ended half-way.
    for (const environment of restored) mark(folderOf(target, environment));
    const replaced = present.length > 0 ? moveAside(target, present) : undefined;
    for (const environment of restored) {
      const folder = folderOf(target, environment);
      // Of a process that ended: its readers are none of this file.
      rmSync(join(folder, lockName), { force: true, recursive: true });
      renameSync(arriving(environment), join(folder, dataName));
      sync(folder);
    }
    sync(target);
    return { ...manifest, replaced };
  } finally {
    for (const environment of restored) rmSync(arriving(environment), { force: true });
  }
}

async function checkBackup(source: string): Promise<Manifest> {
  if (!existsSync(join(source, manifestName))) {
    const state = entriesOf(source).length === 0 ? 'is empty or not there' : `has no ${manifestName}`;
    throw new Error(`${source} is not a backup: it ${state}`);
  }
  const damaged = (what: string): Error =>
    new Error(`The backup in ${source} is damaged: ${what}. Nothing was restored`);
  const manifest = readManifest(source);
  if (manifest === undefined) throw damaged(`${manifestName} can't be read`);
  for (const [environment, { format, sha256, counts }] of manifest.parts) {
    if (format > environment.formatVersion)
      throw new Error(`The backup in ${source} is of a newer version of this server: it has format ${format}`);
    const name = join(environment.folder, dataName);
    if (!existsSync(join(source, name))) throw damaged(`${name} is missing`);
    if ((await digestOf(join(source, name))) !== sha256) throw damaged(`${name} is not what was written`);
    const found = await inspect(source, environment, { isAlone: true });
    if (found.problems.length > 0) throw damaged(found.problems.join('; '));
    for (const [counted, words] of Object.entries(environment.counted)) {
      const [is, was] = [found.counts[counted], counts[counted]];
      if (is !== was) throw damaged(`it has ${is} ${words} instead of ${was}`);
    }
  }
  return manifest;
}

/** All environments, also those that are not in the backup: a server has all of them open. */
function refuseAnyOpen(target: string): void {
  for (const environment of environments) refuseOpen(folderOf(target, environment));
}

function holdsData(folder: string): boolean {
  return (statSync(join(folder, dataName), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function mark(folder: string): void {
  if (readMarker(folder) === undefined) writeMarker(folder);
  sync(folder);
}

/** Moves the files of environments to a folder that is a data directory of its own. */
function moveAside(target: string, present: readonly Environment[]): string {
  const replaced = join(target, `replaced-${new Date().toISOString().replaceAll(':', '-')}`);
  makeFolder(replaced);
  for (const environment of present) {
    const [from, to] = [folderOf(target, environment), folderOf(replaced, environment)];
    makeFolder(to);
    copyFileSync(join(from, markerName), join(to, markerName));
    renameSync(join(from, dataName), join(to, dataName));
    sync(to);
  }
  return replaced;
}
