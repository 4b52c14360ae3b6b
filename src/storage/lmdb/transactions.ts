/**
 * The transactions of one store, safe against lmdb's behaviour when a disk fails. After a failed write of its meta page
 * LMDB refuses every transaction of the process (MDB_PANIC). lmdb then reads an empty database, unless the read
 * transaction is explicit, and its promise of a write never settles. Such a process has to be killed: `process.exit()`
 * waits for threads that wait for LMDB.
 */

import { statfsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import type { ByteStore } from './folder.js';

export interface TransactionOptions {
  /** Folder of the store. */
  readonly directory: string;
  /** Free space that commits leave on the disk, in bytes; see `write`. Default 16 MiB. */
  readonly spareBytes?: number;
  /**
   * Milliseconds between looks for readers whose process was killed, such as a backup: pages are not reused as long as LMDB
   * counts such a reader, and the file grows with each commit. Default 10 s.
   */
  readonly readersEveryMs?: number;
}

const panic = -30_795;
/** How often to check, while a transaction runs, whether it can still end; in milliseconds. */
const lookEveryMs = 1_000;

/**
 * Read and write transactions of one store in one thread. Once LMDB has failed for good (MDB_PANIC), every call fails.
 */
export class Transactions {
  readonly #store: ByteStore;
  readonly #directory: string;
  readonly #spareBytes: number;
  readonly #readersEveryMs: number;
  #readersCheckedAt = performance.now();
  #broken: Error | undefined;
  /** The write that runs, or the last one that waits. */
  #last: Promise<unknown> | undefined;

  constructor(
    store: ByteStore,
    { directory, spareBytes = 16 * 1024 ** 2, readersEveryMs = 10_000 }: TransactionOptions,
  ) {
    this.#store = store;
    this.#directory = directory;
    this.#spareBytes = spareBytes;
    this.#readersEveryMs = readersEveryMs;
  }

  /** Whether LMDB has failed for good. */
  get isLost(): boolean {
    return this.#broken !== undefined;
  }

  /**
   * A snapshot of the current state, to be read with `{ transaction }`. Its pages are kept on disk until `done()`.
   *
   * @throws Error that names the folder, when LMDB can't read.
   */
  snapshot(): Transaction {
    try {
      return this.#store.useReadTransaction();
    } catch (cause) {
      this.#failure();
      throw new Error(`The database in ${this.#directory} can't be read: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * Runs the action in a write transaction; what it puts is on disk when the promise resolves (fdatasync, then a write
   * of the meta page with O_DSYNC). A thread of libuv's pool waits for the write lock, writes the pages and syncs; this
   * thread only runs the action, which must be synchronous, as other readers would see its transaction. One at a time:
   * others wait.
   * Rejects with nothing written when LMDB fails, or when the disk would be left with less than the spare space.
   *
   * @param bytes Upper bound of what the action writes, in bytes. LMDB itself must not find the disk full: it formats its
   * errors in a static buffer, and two threads that do so at once crash the process with a segmentation fault.
   * @returns What the action returned.
   */
  write<Result>(bytes: number, action: () => Result): Promise<Result> {
    const before = this.#last;
    const written = before === undefined ? this.#write(bytes, action) : before.then(() => this.#write(bytes, action));
    const isDone = (): void => {
      if (this.#last === last) this.#last = undefined;
    };
    const last = written.then(isDone, isDone);
    this.#last = last;
    return written;
  }

  async #write<Result>(bytes: number, action: () => Result): Promise<Result> {
    const broken = this.#failure();
    if (broken !== undefined) throw broken;
    this.#checkSpace(bytes);
    this.#forgetDeadReaders();
    let failure: unknown;
    const committed = this.#store.transaction(() => {
      try {
        return action();
      } catch (error) {
        failure = error; // lmdb's own rejection has no cause
        throw error;
      }
    });
    const watch = this.#watch();
    try {
      return await Promise.race([committed, watch.broken]);
    } catch (error) {
      throw this.#refusal(failure ?? (await causeOf(error)));
    } finally {
      watch.stop();
    }
  }

  /** Closes the store, unless it is broken. */
  async close(): Promise<void> {
    // A broken store may still hold the lock that closing waits for.
    if (this.#broken === undefined) await this.#store.close();
  }

  #checkSpace(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    if (bavail * bsize >= bytes + this.#spareBytes) return;
    throw new Error(`The disk of ${this.#directory} is full: ${bavail * bsize} bytes are left`);
  }

  #forgetDeadReaders(): void {
    const now = performance.now();
    if (now < this.#readersCheckedAt + this.#readersEveryMs) return;
    this.#readersCheckedAt = now;
    try {
      this.#store.readerCheck();
    } catch {
      // The commit can do without, and what is wrong with the store is found by it.
    }
  }

  #refusal(cause: unknown): Error {
    return new Error(`The database in ${this.#directory} refused a commit: ${messageOf(cause)}`, { cause });
  }

  /** Rejects when the store breaks, also when another thread caused it. */
  #watch(): { readonly broken: Promise<never>; stop(): void } {
    let timer: NodeJS.Timeout | undefined;
    const broken = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        const failure = this.#failure();
        if (failure !== undefined) reject(failure);
      }, lookEveryMs);
    });
    return {
      broken,
      stop: () => {
        clearInterval(timer);
      },
    };
  }

  /** Why no transaction will ever work again, or undefined. */
  #failure(): Error | undefined {
    if (this.#broken !== undefined) return this.#broken;
    try {
      this.#store.useReadTransaction().done();
    } catch (cause) {
      if ((cause as { code?: unknown }).code === panic) {
        this.#broken = new Error('LMDB gave up after a failed write; the process must be killed and started again', {
          cause,
        });
      }
    }
    return this.#broken;
  }
}

/** Why lmdb rejected a transaction: the cause is in a promise of its own, which may not settle. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (commitError === undefined) return error;
  const settled = commitError.then(
    () => error,
    (cause: unknown) => cause,
  );
  return Promise.race([settled, setImmediate(error)]);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
