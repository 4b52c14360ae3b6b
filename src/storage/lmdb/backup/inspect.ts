/** Reads all of a database and counts what is in it, without trusting any of it. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { dataName } from './before-open.js';
import { checkQuickly, checkWholly } from './file/check.js';
import { DamagedFile } from './file/damaged-file.js';
import { DataFile } from './file/data-file.js';
import type { Damage } from './file/walk.js';
import { openForReading, type ByteStore } from './folder.js';
import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  decodeFormat,
  decodeHorizon,
  decodeUpdate,
  formatKey,
  formatVersion,
  isHorizonKey,
  isUpdateKey,
  pathOfKey,
} from './format.js';

export interface Inspection {
  /** Size of the file in bytes. */
  readonly bytes: number;
  documents: number;
  fields: number;
  updates: number;
  /** Sentences about what can't be read; they name documents, but nothing of their content. */
  readonly problems: string[];
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
 * Inspects the database of a folder, as it is at this moment. Servers may be running on it.
 *
 * @throws Error that names the folder, when there is no database or its meta pages can't be read.
 */
export async function inspect(directory: string, { isAlone = false, sink }: InspectOptions = {}): Promise<Inspection> {
  const path = join(directory, dataName);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new Error(`There is no ${dataName} in ${directory}`);
  const file = new DataFile(path);
  let store: ByteStore | undefined;
  try {
    // As long as it reads, LMDB keeps the pages of the snapshot. What LMDB could not open has no writers either.
    if (!isAlone && isOpenable(file)) store = openForReading(directory);
    const snapshot = store?.useReadTransaction();
    try {
      return await inspectFile(file, sink);
    } finally {
      snapshot?.done();
    }
  } catch (cause) {
    if (!(cause instanceof DamagedFile)) throw cause;
    throw new Error(`The database in ${directory} is damaged: ${cause.message}. Nothing of it can be read`, { cause });
  } finally {
    await store?.close();
    file.close();
  }
}

function isOpenable(file: DataFile): boolean {
  try {
    checkQuickly(file, { start: formatKey, end: Buffer.concat([formatKey, Buffer.of(0)]) });
    return true;
  } catch (error) {
    if (error instanceof DamagedFile) return false;
    throw error;
  }
}

async function inspectFile(file: DataFile, sink: Sink | undefined): Promise<Inspection> {
  const problems = new Problems();
  const found = { documents: 0, fields: 0, updates: 0 };
  /** The document whose record was read last. */
  let recorded: string | undefined;
  let version: number | undefined;
  const read = (key: Buffer, value: Buffer): void => {
    if (key.equals(formatKey)) {
      version = decodeFormat(value);
      return;
    }
    const documentId = documentOf(key);
    const prefix = Buffer.byteLength(documentId) + 1;
    if (key.length === prefix) {
      decodeDocument(value);
      recorded = documentId;
      found.documents++;
      return;
    }
    if (recorded !== documentId) throw new CorruptEntry('it has entries, but no record of its own');
    if (isHorizonKey(key, prefix)) decodeHorizon(value);
    else if (isUpdateKey(key, prefix)) {
      decodeUpdate(key, prefix, value);
      found.updates++;
    } else {
      decodeField(pathOfKey(key, prefix), value);
      found.fields++;
    }
  };
  const onEntry = (key: Buffer, value: Buffer): void => {
    try {
      read(key, value);
      sink?.entry(key, value);
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error;
      problems.add(`document ${JSON.stringify(documentOf(key))}: ${error.message}`);
    }
  };
  const { bytes, damages, freeDamages } = await checkWholly(file, onEntry, sink?.flush);
  for (const damage of damages) problems.add(sentenceOf(damage));
  for (const { reason } of freeDamages)
    problems.add(`${reason}: it is of the list of free pages, no document is concerned`);
  if (version === undefined) problems.add('the format version is missing');
  else if (version > formatVersion) problems.add(`it has format ${version}, this server reads up to ${formatVersion}`);
  return { bytes, ...found, problems: problems.sentences() };
}

function sentenceOf({ reason, from, to }: Damage): string {
  const first = from === undefined ? 'the first document' : `document ${JSON.stringify(documentOf(from))}`;
  const last = to === undefined ? 'the last document' : `document ${JSON.stringify(documentOf(to))}`;
  return `${reason}: entries from ${first} to ${last} are lost`;
}

/** The document that a key belongs to, also for one that is no key of this layout. */
function documentOf(key: Buffer): string {
  const end = key.indexOf(0);
  return key.toString('utf8', 0, end === -1 ? key.length : end);
}

class Problems {
  readonly #named = new Set<string>();
  #more = 0;

  add(sentence: string): void {
    if (this.#named.size < problemsNamed) this.#named.add(sentence);
    else this.#more++;
  }

  sentences(): string[] {
    return this.#more === 0 ? [...this.#named] : [...this.#named, `and ${this.#more} more`];
  }
}
