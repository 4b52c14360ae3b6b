/** The feed of changes as the acceptor's thread sees it: in a thread of its own, so that neither connections nor shards wait for it. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { LimitError, ProtocolError } from '../errors.js';
import type { Logger } from '../log.js';
import type { FeedPage, FeedRequest } from '../storage/changes/port.js';
import type { FailedEvent } from '../storage/webhooks/port.js';
import type { ChangesAnswer, ChangesRequest, ChangesResults, ChangesStatus, ChangesThreadData } from './requests.js';
import type { UserChange } from './webhooks/user-changes.js';

export interface ChangesThreadOptions {
  readonly data: ChangesThreadData;
  readonly log: Logger;
  /** For so long a request waits for its answer, in ms. */
  readonly timeoutMs: number;
}

/** Requests under way: more than may wait for a change, as all of them ask at once when there is one. */
const MAX_REQUESTS = 1_024;
/** How many of them the thread looks at at a time. */
const CONCURRENT = 8;
const CLOSE_MS = 10_000;

/** All methods but `close` reject with a ProtocolError, RATE_LIMIT_EXCEEDED or STORAGE_UNAVAILABLE, when they are not done. */
export class ChangesThread {
  readonly #options: ChangesThreadOptions;
  readonly #pool: Piscina<ChangesRequest, ChangesAnswer>;
  #requests = 0;

  constructor(options: ChangesThreadOptions) {
    this.#options = options;
    this.#pool = new Piscina<ChangesRequest, ChangesAnswer>({
      filename: fileURLToPath(new URL('./worker.js', import.meta.url)),
      workerData: options.data,
      // One, which may open the embedded storage once, and keeps what it works at.
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: CONCURRENT,
      atomics: 'disabled',
    });
  }

  /** @throws Error with the reason, when the storage can't be opened. */
  async start(): Promise<void> {
    const answer = await this.#pool.run({ kind: 'start' });
    if (!answer.ok) throw new Error(answer.reason);
  }

  read(request: FeedRequest): Promise<FeedPage | undefined> {
    return this.#ask<'read'>({ kind: 'read', request });
  }

  end(): Promise<string> {
    return this.#ask<'end'>({ kind: 'end' });
  }

  newest(): Promise<string> {
    return this.#ask<'newest'>({ kind: 'newest' });
  }

  dead(after: string, limit: number): Promise<FailedEvent[]> {
    return this.#ask<'dead'>({ kind: 'dead', after, limit });
  }

  retry(documentId: string | undefined): Promise<number> {
    return this.#ask<'retry'>({ kind: 'retry', documentId });
  }

  /** Users who have come or gone. */
  tell(changes: readonly UserChange[]): Promise<undefined> {
    return this.#ask<'users'>({ kind: 'users', changes });
  }

  status(): Promise<ChangesStatus> {
    return this.#ask<'status'>({ kind: 'status' });
  }

  async close(): Promise<void> {
    try {
      await within(this.#pool.run({ kind: 'close' }), CLOSE_MS);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the feed of changes could not be closed');
    }
    await this.#pool.destroy();
  }

  async #ask<Kind extends ChangesRequest['kind']>(
    request: ChangesRequest & { readonly kind: Kind },
  ): Promise<ChangesResults[Kind]> {
    if (this.#requests >= MAX_REQUESTS) throw new LimitError('reads', 'too many requests about changes');
    this.#requests++;
    try {
      const running = this.#pool.run(request).finally(() => this.#requests--);
      const answer = (await within(running, this.#options.timeoutMs)) as ChangesAnswer<Kind>;
      if (answer.ok) return answer.result;
      this.#options.log.error({ reason: answer.reason, request: request.kind }, 'the feed of changes failed');
    } catch (error) {
      this.#options.log.error({ err: error, request: request.kind }, 'the thread of the changes failed');
    }
    throw new ProtocolError('STORAGE_UNAVAILABLE');
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
