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

interface Wait {
  readonly maySee: ChangesRead['maySee'];
  readonly end: () => void;
}

/** How often it is looked whether there is something new while a request waits. */
const LOOK_MS = 250;
/** Pages in which the sender may see nothing, before he is answered with none of them. */
const MAX_PAGES = 10;

export class Changes implements ChangesPort {
  readonly #options: ChangesOptions;
  #newest = '';
  /** Requests that wait. */
  readonly #waits = new Set<Wait>();
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
    return this.#waits.size;
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
      if (this.#waits.size >= maxWaiting) throw new LimitError('reads', 'too many requests wait for changes');
      await this.#wait(maySee, woken, until - performance.now());
      pages = 0;
    }
  }

  /** Answers all who wait. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    this.#wake();
  }

  async #wait(maySee: ChangesRead['maySee'], woken: Promise<void>, ms: number): Promise<void> {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const timer = setTimeout(end, ms);
    const wait = { maySee, end };
    this.#waits.add(wait);
    if (this.#waits.size === 1) this.#lookLater();
    await Promise.race([woken, ended]);
    clearTimeout(timer);
    this.#waits.delete(wait);
  }

  /** Clients that have gone, or may see nothing any more, must not keep others from waiting. */
  #endUseless(): void {
    for (const { maySee, end } of this.#waits) {
      try {
        maySee();
      } catch {
        // It is told when it goes on.
        end();
      }
    }
  }

  /** One look for all who wait. */
  #lookLater(): void {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    const { thread } = this.#options;
    if (this.#waits.size === 0 || this.#isClosed || thread === undefined) return;
    this.#endUseless();
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
