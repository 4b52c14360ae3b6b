/** The storage of snapshots as the acceptor's thread sees it: in a thread of its own, so that neither connections nor shards wait for it. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { LimitError, ProtocolError } from '../errors.js';
import type { Logger } from '../log.js';
import type { StorageConfig } from '../config/load.js';
import type {
  Snapshot,
  SnapshotBounds,
  SnapshotInfo,
  SnapshotStore,
  SnapshotUsage,
} from '../storage/snapshots/port.js';
import type { SnapshotAnswer, SnapshotRequest, SnapshotResults, SnapshotThreadData } from './requests.js';

export interface SnapshotThreadOptions {
  readonly storage: StorageConfig;
  readonly log: Logger;
  /** For so long a request waits for its answer, in ms. */
  readonly timeoutMs: number;
}

/** Requests under way; each may hold a state in memory. */
const MAX_REQUESTS = 64;
/** How many of them the thread looks at at a time. */
const CONCURRENT = 4;
const CLOSE_MS = 10_000;

/**
 * Begins with the first request. All methods but `close` reject with a ProtocolError, RATE_LIMIT_EXCEEDED or
 * STORAGE_UNAVAILABLE, when they are not done.
 */
export class SnapshotThread implements SnapshotStore {
  readonly #options: SnapshotThreadOptions;
  #pool: Piscina<SnapshotRequest, SnapshotAnswer> | undefined;
  #requests = 0;

  constructor(options: SnapshotThreadOptions) {
    this.#options = options;
  }

  /** @param snapshot Its state is transferred: it can't be used any more. */
  add(snapshot: Snapshot, bounds: SnapshotBounds): Promise<boolean> {
    return this.#ask({ kind: 'add', snapshot, bounds }, [snapshot.state.buffer as ArrayBuffer]);
  }

  list(documentId: string, limit: number): Promise<SnapshotInfo[]> {
    return this.#ask({ kind: 'list', documentId, limit });
  }

  latest(documentId: string): Promise<Snapshot | undefined> {
    return this.#ask<'latest'>({ kind: 'latest', documentId });
  }

  find(id: string): Promise<SnapshotInfo | undefined> {
    return this.#ask<'find'>({ kind: 'find', id });
  }

  get(id: string): Promise<Snapshot | undefined> {
    return this.#ask<'get'>({ kind: 'get', id });
  }

  remove(id: string): Promise<boolean> {
    return this.#ask<'remove'>({ kind: 'remove', id });
  }

  removeAll(documentId: string): Promise<number> {
    return this.#ask<'removeAll'>({ kind: 'removeAll', documentId });
  }

  removeOlder(createdBefore: number, limit: number): Promise<number> {
    return this.#ask({ kind: 'removeOlder', createdBefore, limit });
  }

  usage(): Promise<SnapshotUsage> {
    return this.#ask<'usage'>({ kind: 'usage' });
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) return;
    try {
      await within(pool.run({ kind: 'close' }), CLOSE_MS);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the storage of snapshots could not be closed');
    }
    this.#pool = undefined;
    await pool.destroy();
  }

  async #ask<Kind extends SnapshotRequest['kind']>(
    request: SnapshotRequest & { readonly kind: Kind },
    transferList: ArrayBuffer[] = [],
  ): Promise<SnapshotResults[Kind]> {
    if (this.#requests >= MAX_REQUESTS) throw new LimitError('reads', 'too many requests about snapshots');
    try {
      const answer = (await this.#answer(request, transferList)) as SnapshotAnswer<Kind>;
      if (answer.ok) return answer.result;
      this.#options.log.error({ reason: answer.reason, request: request.kind }, 'the storage of snapshots failed');
    } catch (error) {
      this.#options.log.error({ err: error, request: request.kind }, 'the thread of the snapshots failed');
    }
    throw new ProtocolError('STORAGE_UNAVAILABLE');
  }

  /**
   * What takes too long counts until it is done, which is not known to whoever asked. It is not aborted: a thread that
   * ends within a commit can take the process along.
   */
  async #answer(request: SnapshotRequest, transferList: ArrayBuffer[]): Promise<SnapshotAnswer> {
    this.#requests++;
    const answer = this.#open()
      .run(request, { transferList })
      .finally(() => this.#requests--);
    return within(answer, this.#options.timeoutMs);
  }

  #open(): Piscina<SnapshotRequest, SnapshotAnswer> {
    return (this.#pool ??= new Piscina<SnapshotRequest, SnapshotAnswer>({
      filename: fileURLToPath(new URL('./worker.js', import.meta.url)),
      workerData: { storage: this.#options.storage } satisfies SnapshotThreadData,
      // One, which may open the embedded storage once.
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: CONCURRENT,
      atomics: 'disabled',
    }));
  }
}

/** Rejects when it takes longer. */
async function within<Result>(action: Promise<Result>, ms: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([action, late]);
  } finally {
    clearTimeout(timer);
  }
}
