/** Reads all of an environment and counts what is in it, without trusting any of it. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { dataName } from '../before-open.js';
import { formatRange, type Counts, type Environment } from '../environments/environment.js';
import { folderOf } from '../environments/list.js';
import { checkQuickly, checkWholly } from '../file/check.js';
import { DamagedFile } from '../file/damaged-file.js';
import { DataFile } from '../file/data-file.js';
import type { Damage } from '../file/walk.js';
import { openForReading, type ByteStore } from '../folder.js';
import { CorruptEntry } from '../format.js';

export interface Inspection {
  /** Size of the file in bytes. */
  readonly bytes: number;
  readonly counts: Counts;
  /** Sentences about what can't be read; they name documents and accounts, but nothing of their content. */
  readonly problems: readonly string[];
}

/** Nothing of an environment can be read. */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase';
}

/** Such problems that are named one by one. */
const problemsNamed = 1_000;

/** Takes what an inspection finds to be whole. */
export interface Sink {
  /** The bytes are valid until it returns. */
  readonly entry: (key: Buffer, value: Buffer) => void;
  /** Awaited now and then, and at the end. */
  readonly flush: () => Promise<void>;
}

export interface InspectOptions {
  /** Whether no server can have it open: then nothing is written to the folder, not even a lock. */
  readonly isAlone?: boolean;
  readonly sink?: Sink;
}

/**
 * Inspects an environment of a data directory, as it is at this moment. Servers may be running on it.
 *
 * @throws DamagedDatabase that names the folder, when there is no database or its meta pages can't be read.
 */
export async function inspect(
  directory: string,
  environment: Environment,
  { isAlone = false, sink }: InspectOptions = {},
): Promise<Inspection> {
  const folder = folderOf(directory, environment);
  const path = join(folder, dataName);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new DamagedDatabase(`There is no ${dataName} in ${folder}`);
  const file = new DataFile(path);
  let store: ByteStore | undefined;
  try {
    // As long as it reads, LMDB keeps the pages of the snapshot. What LMDB could not open has no writers either.
    if (!isAlone && isOpenable(file, environment)) store = openForReading(folder);
    const snapshot = store?.useReadTransaction();
    try {
      return await inspectFile(file, environment, sink);
    } finally {
      snapshot?.done();
    }
  } catch (cause) {
    if (!(cause instanceof DamagedFile)) throw cause;
    throw new DamagedDatabase(`The database in ${folder} is damaged: ${cause.message}. Nothing of it can be read`, {
      cause,
    });
  } finally {
    await store?.close();
    file.close();
  }
}

function isOpenable(file: DataFile, environment: Environment): boolean {
  try {
    checkQuickly(file, formatRange(environment));
    return true;
  } catch (error) {
    if (error instanceof DamagedFile) return false;
    throw error;
  }
}

async function inspectFile(file: DataFile, environment: Environment, sink: Sink | undefined): Promise<Inspection> {
  const problems = new Problems(environment.folder);
  const reader = environment.newReader();
  const onEntry = (key: Buffer, value: Buffer): void => {
    try {
      reader.read(key, value);
      sink?.entry(key, value);
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error;
      problems.add(`${environment.nameOf(key)}: ${error.message}`);
    }
  };
  const { bytes, damages, freeDamages } = await checkWholly(file, onEntry, sink?.flush);
  for (const damage of damages) problems.add(sentenceOf(damage, environment));
  for (const { reason } of freeDamages)
    problems.add(`${reason}: it is of the list of free pages, no ${environment.unit} is concerned`);
  const { version, counts } = reader;
  const { formatVersion } = environment;
  if (version === undefined) problems.add('the format version is missing');
  else if (version > formatVersion) problems.add(`it has format ${version}, this server reads up to ${formatVersion}`);
  return { bytes, counts, problems: problems.sentences() };
}

function sentenceOf({ reason, from, to }: Damage, { nameOf, unit }: Environment): string {
  const first = from === undefined ? `the first ${unit}` : nameOf(from);
  const last = to === undefined ? `the last ${unit}` : nameOf(to);
  return `${reason}: entries from ${first} to ${last} are lost`;
}

class Problems {
  readonly #prefix: string;
  readonly #named = new Set<string>();
  #more = 0;

  /** @param folder Below the data directory: two files may have a page of the same number. */
  constructor(folder: string) {
    this.#prefix = folder === '' ? '' : `${folder}: `;
  }

  add(sentence: string): void {
    if (this.#named.size < problemsNamed) this.#named.add(`${this.#prefix}${sentence}`);
    else this.#more++;
  }

  sentences(): string[] {
    return this.#more === 0 ? [...this.#named] : [...this.#named, `and ${this.#more} more`];
  }
}
