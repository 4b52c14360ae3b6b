/** The feed of changes, for requests that may wait for what comes. */
import { LimitError, ProtocolError } from '../errors.js';
import type { ChangesPage, ChangesPort, ChangesRead } from '../http/changes/ports.js';
import type { FeedPage } from '../storage/changes/port.js';
import type { ChangesThread } from './changes-thread.js';

export interface ChangesOptions {
  /** Undefined where the feed is off. */
  readonly thread: Pick<ChangesThread, 'read' | 'end' | 'newest'> | undefined;
  /** Requests that wait at a time. */
  readonly maxWaiting: number;
}

/** How often it is looked whether there is something new while a request waits. */
const LOOK_MS = 250;
/** Pages in which the sender may see nothing, before he is answered with none of them. */
const MAX_PAGES = 10;

export class Changes implements ChangesPort {
  readonly #options: ChangesOptions;
  #newest = '';
  #waiting = 0;
  #isClosed = false;
  /** Ends the wait of all. */
  #wake = (): void => undefined;
  #woken = new Promise<void>((resolve) => (this.#wake = resolve));
  #looking: NodeJS.Timeout | undefined;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  async read({ after, limit, waitMs, maySee }: ChangesRead): Promise<ChangesPage> {
    const { thread, maxWaiting } = this.#options;
    if (thread === undefined) throw new ProtocolError('NOT_FOUND', 'the feed is off: CHANGES_FEED');
    if (after === 'now') return { entries: [], cursor: await thread.end(), hasMore: false };
    const until = performance.now() + waitMs;
    let cursor = after;
    for (let pages = 1; ; pages++) {
      const woken = this.#woken;
      const page: FeedPage | undefined = await thread.read({ after: cursor, limit });
      if (page === undefined) throw new ProtocolError('CURSOR_EXPIRED');
      const hasMore = page.entries.length >= limit;
      const allowed = maySee();
      const entries = page.entries.filter(({ documentId }) => allowed(documentId));
      ({ cursor } = page);
      const isLast = hasMore ? pages >= MAX_PAGES : performance.now() >= until;
      if (entries.length > 0 || isLast || this.#isClosed) return { entries, cursor, hasMore };
      if (hasMore) continue;
      if (this.#waiting >= maxWaiting) throw new LimitError('reads', 'too many requests wait for changes');
      await this.#wait(woken, until - performance.now());
      pages = 0;
    }
  }

  /** Answers all who wait. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    this.#wake();
  }

  async #wait(woken: Promise<void>, ms: number): Promise<void> {
    this.#waiting++;
    if (this.#waiting === 1) this.#lookLater();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([woken, late]);
    clearTimeout(timer);
    this.#waiting--;
  }

  /** One look for all who wait. */
  #lookLater(): void {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    const { thread } = this.#options;
    if (this.#waiting === 0 || this.#isClosed || thread === undefined) return;
    // What fails is told to those who read.
    const newest = await thread.newest().catch(() => `failed ${performance.now()}`);
    if (newest !== this.#newest) {
      this.#newest = newest;
      this.#wake();
      this.#woken = new Promise((resolve) => (this.#wake = resolve));
    }
    this.#lookLater();
  }
}
