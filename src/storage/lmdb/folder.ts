/** Opens the folder of the LMDB storage, and reports what is wrong with it. */

import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { open, type Database, type RootDatabaseOptionsWithPath } from 'lmdb';
import { checkFolder, makeFolder } from './before-open.js';
import { documents } from './environments/documents.js';
import type { Environment } from './environments/environment.js';
import { decodeFormat, encodeFormat, formatKey, formatVersion, maxKeyBytes } from './format.js';
import { readMarker, writeMarker } from './marker.js';

/** Keys and values are bytes, in the layout of format.ts. */
export type ByteStore = Database<Uint8Array, Uint8Array>;

export interface FolderOptions {
  /** Folder of the database; created with its parents if it does not exist. */
  readonly directory: string;
  /**
   * Address space that is set aside for the file, in bytes; not memory, and not a limit: LMDB maps the file anew when
   * it outgrows it, and keeps the old map until the process ends. Default 16 GiB.
   */
  readonly mapSizeBytes?: number;
}

const defaultMapSizeBytes = 16 * 1024 ** 3;

/**
 * Opens the store of a folder, creating both if needed, and checks the file and its format.
 *
 * @throws Error that names the folder, when it can't be created or opened, is damaged, was emptied from outside, is not one
 * of this server, or is too new.
 */
export function openFolder({ directory, mapSizeBytes = defaultMapSizeBytes }: FolderOptions): ByteStore {
  return openChecked({
    path: resolve(directory),
    environment: documents,
    open: (path) => open<Uint8Array, Uint8Array>(options(path, mapSizeBytes)),
    check: (store, path) => {
      checkKeySize(store);
      checkFormat(store, path);
    },
  });
}

export interface OpenChecked<Store> {
  /** Folder of the environment. */
  readonly path: string;
  readonly environment: Environment;
  readonly open: (path: string) => Store;
  /** Checks what was opened; it is closed again when this throws. */
  readonly check: (store: Store, path: string) => void;
}

/**
 * Opens an environment, and creates it with its folder if needed: nothing reaches LMDB that it would end the process
 * for, and what was stored once is never begun anew.
 *
 * @throws Error that names the folder and what is wrong with it.
 */
export function openChecked<Store extends { close(): Promise<void> }>(options: OpenChecked<Store>): Store {
  const { path, environment } = options;
  const topmost = makeFolder(path);
  checkFolder(path, environment);
  const store = attempt(`The database in ${path} can't be opened`, () => options.open(path));
  try {
    options.check(store, path);
    if (readMarker(path) === undefined) {
      attempt(`The data directory ${path} can't be written`, () => {
        writeMarker(path);
      });
    }
    syncFolders(path, topmost);
  } catch (error) {
    void store.close();
    throw error;
  }
  return store;
}

/**
 * Opens the store of a folder that is there, for reading alone; others may write meanwhile.
 *
 * @throws Error that names the folder.
 */
export function openForReading(directory: string): ByteStore {
  const path = resolve(directory);
  return attempt(`The database in ${path} can't be opened`, () =>
    open<Uint8Array, Uint8Array>({ ...options(path, defaultMapSizeBytes), readOnly: true }),
  );
}

/** Opens a store in a new folder for a copy that is synced at the end by whoever makes it. */
export function openForCopy(directory: string): ByteStore {
  return open<Uint8Array, Uint8Array>({ ...options(resolve(directory), defaultMapSizeBytes), noSync: true });
}

function options(path: string, mapSize: number): RootDatabaseOptionsWithPath & { permissionsMode: number } {
  return {
    path,
    mapSize,
    // Otherwise a dot in the folder's name makes it a file.
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    // A commit is synced before anybody can see it. With overlapping syncs, a write could be acknowledged because a
    // greater one is already there, and both be lost.
    overlappingSync: false,
    // Its promises are not all handed out, so a failing disk would end the process with an unhandled rejection. We
    // batch the commits of a turn ourselves.
    eventTurnBatching: false,
    maxReaders: 1024,
    // Not in lmdb's types, but read by its open(): nobody else may read the documents.
    permissionsMode: 0o600,
  };
}

/** The page size decides how long keys may be; that of a folder from another machine may differ. */
function checkKeySize(store: ByteStore): void {
  const { maxKeySize } = store as ByteStore & { maxKeySize: number };
  if (maxKeySize < maxKeyBytes) throw new Error(`LMDB supports keys of ${maxKeySize} bytes, ${maxKeyBytes} are needed`);
}

/** Marks a folder that is new, or has an older format, which is contained in ours. */
function checkFormat(store: ByteStore, path: string): void {
  if (readVersion(store, path) === formatVersion) return;
  // Again in a write transaction, because several processes may open it at once.
  store.transactionSync(() => {
    if (readVersion(store, path) === undefined && [...store.getKeys({ limit: 1 })].length > 0) {
      throw new Error(`The database in ${path} is not one of this server: it has entries but no format version`);
    }
    void store.put(formatKey, encodeFormat(formatVersion));
  });
}

/** The version of the folder's format, or undefined; throws when it is too new. */
function readVersion(store: ByteStore, path: string): number | undefined {
  const stored = store.get(formatKey);
  if (stored === undefined) return undefined;
  const version = decodeFormat(stored);
  if (version > formatVersion) {
    throw new Error(
      `The database in ${path} has format ${version}, made by a newer version of this server; ` +
        `this one reads up to ${formatVersion}. Start the newer version, or choose another SYNCKIT_DATA_DIR.`,
    );
  }
  return version;
}

/** The directory entries of new files and folders must be as durable as what is in them. */
function syncFolders(path: string, topmost: string): void {
  syncFolder(path);
  if (path !== topmost) syncFolders(dirname(path), topmost);
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<Result>(what: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    throw new Error(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
