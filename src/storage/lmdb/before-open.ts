/** What is checked before LMDB gets to see a folder: it would make an empty database, or kill the process. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, lstatSync, mkdirSync, statfsSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataFile } from './file/data-file.js';
import { checkQuickly } from './file/check.js';
import { formatRange, type Environment } from './environments/environment.js';
import { readMarker, type Marker } from './marker.js';

export const dataName = 'data.mdb';
export const lockName = 'lock.mdb';

/** Free space for a new database and its lock, in bytes. */
const firstBytes = 1024 ** 2;

/**
 * Makes a folder with its parents, one by one: Node's recursive mkdir does not end below a folder in which nothing can be
 * made, such as /proc.
 *
 * @returns The topmost folder that has a new entry; the folder itself when it was there.
 * @throws Error that names the folder.
 */
export function makeFolder(path: string): string {
  const missing: string[] = [];
  let topmost = path;
  for (let at = path; !isThere(at, path); at = dirname(at)) {
    missing.push(at);
    topmost = dirname(at);
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw failed(`The data directory ${path} can't be created`, error);
    }
  }
  if (statOf(path)?.isDirectory() !== true)
    throw new Error(`The data directory ${path} can't be created: it is not a folder`);
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw failed(`The data directory ${path} can't be written`, cause);
  }
  return topmost;
}

function isThere(at: string, path: string): boolean {
  try {
    // A link that leads nowhere is there: it can't be made a folder.
    lstatSync(at);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(at) !== at) return false;
    throw failed(`The data directory ${path} can't be created`, error);
  }
}

/**
 * Checks that LMDB can open what is in the folder of an environment, and that it would not be empty where something was
 * stored.
 *
 * @throws Error with a sentence that names the folder and what to do.
 */
export function checkFolder(path: string, environment: Environment): void {
  // In this order: another process may be making the database at this moment.
  const marker = markerOf(path);
  const lock = statOf(join(path, lockName));
  if (lock === undefined && isLink(join(path, lockName)))
    throw new Error(`The database in ${path} can't be opened: ${lockName} is a link that leads nowhere`);
  if (lock !== undefined) checkAccess(path, lockName, lock);
  let data = statOf(join(path, dataName));
  if (isEmpty(data) && marker === undefined) {
    if (lock === undefined || !hasCommits(join(path, lockName))) {
      checkSpace(path);
      return;
    }
    // Another process may have made it meanwhile: then it was there before the commit.
    data = statOf(join(path, dataName));
  }
  if (isEmpty(data)) {
    const evidence = marker === undefined ? `${lockName} is left` : `since ${marker.since}`;
    const state = statOf(join(path, dataName)) === undefined ? `has no ${dataName}` : `has an empty ${dataName}`;
    throw new Error(
      `The folder ${path} ${state}, but ${environment.name} were stored in it (${evidence}). Restore it with ` +
        `\`synckit-server restore\`, or bring the file back. ${environment.beginAnew}`,
    );
  }
  checkData(path, data, environment);
  if (lock === undefined || lock.size === 0) checkSpace(path);
}

/** LMDB crashes when the disk is full as it makes its files: it writes the lock through a map of it. */
function checkSpace(path: string): void {
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize >= firstBytes) return;
  throw new Error(`The data directory ${path} can't be written: its disk is full, ${bavail * bsize} bytes are left`);
}

function isEmpty(data: Stats | undefined): data is undefined {
  return data === undefined || (data.isFile() && data.size === 0);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** LMDB crashes, or says nothing of use, when it can't open one of its files. */
function checkAccess(path: string, name: string, stats: Stats): void {
  if (!stats.isFile()) throw new Error(`The database in ${path} can't be opened: ${name} is not a file`);
  try {
    accessSync(join(path, name), constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw failed(`The database in ${path} can't be opened`, cause);
  }
}

function checkData(path: string, data: Stats, environment: Environment): void {
  checkAccess(path, dataName, data);
  let file: DataFile;
  try {
    file = new DataFile(join(path, dataName));
  } catch (cause) {
    throw failed(`The database in ${path} can't be opened`, cause);
  }
  try {
    checkQuickly(file, formatRange(environment));
  } catch (cause) {
    throw damaged(path, cause);
  } finally {
    file.close();
  }
}

/** The error for a folder that can't be opened because of what is in its file. */
export function damaged(path: string, cause: unknown): Error {
  return failed(
    `The database in ${path} is damaged`,
    cause,
    ' `synckit-server check-data` tells what can be read. Restore a backup with `synckit-server restore`.',
  );
}

/**
 * Whether a lock file is of a database that had commits: it holds the number of the last one. Read by a child process, as
 * a process loses its lock of a file when it closes any descriptor of it.
 */
function hasCommits(lock: string): boolean {
  const { stdout, status } = spawnSync('head', ['-c', '16', lock]);
  return status !== 0 || (stdout.length === 16 && stdout.readBigUInt64LE(8) > 0n);
}

function markerOf(path: string): Marker | undefined {
  try {
    return readMarker(path);
  } catch (cause) {
    throw failed(`The data directory ${path} can't be read`, cause);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failed(`The file ${path} can't be read`, error);
  }
}

function failed(what: string, cause: unknown, hint = ''): Error {
  return new Error(
    `${what}: ${cause instanceof Error ? cause.message : String(cause)}${hint === '' ? '' : `.${hint}`}`,
    {
      cause,
    },
  );
}
