/** The application's answers, by user and document: asked for once, renewed while somebody uses them. */
import type { AccessQuestion, Decision } from './access-client.js';

/** What counts while the application does not answer. */
export type WhenAway = 'deny' | 'last' | 'token';

export interface AccessCacheOptions {
  /** Undefined when there is no answer. */
  readonly ask: (question: AccessQuestion) => Promise<Decision | undefined>;
  readonly whenAway: WhenAway;
  /** How long the last answer counts beyond its time, in ms. */
  readonly staleMs: number;
  readonly maxEntries: number;
}

/** What a user may do with a document: as answered, as the token says, or unknown. */
export type Known = Pick<Decision, 'read' | 'write' | 'admin'> | 'token' | undefined;

const retryMs = 1_000;

/** The answer for one user and document. */
export class AccessEntry {
  known: Known;
  /** Set until there is a first answer, or none can be had. */
  pending: Promise<void> | undefined;
  /** Called when what is known has changed. */
  readonly users = new Set<() => void>();
  /** When the last answer ends to count, by `performance.now()`. */
  endsAt = 0;
  timer: NodeJS.Timeout | undefined;

  constructor(readonly question: AccessQuestion) {}
}

export class AccessCache {
  readonly #options: AccessCacheOptions;
  readonly #entries = new Map<string, AccessEntry>();
  #isClosed = false;

  constructor(options: AccessCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry of a question; made and asked for when there is none. Undefined when there are too many in use. */
  entry(question: AccessQuestion): AccessEntry | undefined {
    const key = `${question.userId}\n${question.documentId ?? ''}`;
    const found = this.#entries.get(key);
    if (found !== undefined) return found;
    if (this.#entries.size >= this.#options.maxEntries && !this.#evict()) return undefined;
    const entry = new AccessEntry(question);
    this.#entries.set(key, entry);
    entry.pending = this.#renew(key, entry).finally(() => {
      entry.pending = undefined;
    });
    return entry;
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
  }

  /** Looks at a few only, so that the cost is bounded. */
  #evict(): boolean {
    let looked = 0;
    for (const [key, entry] of this.#entries) {
      if (entry.users.size === 0 && entry.pending === undefined) {
        this.#drop(key, entry);
        return true;
      }
      if (++looked === 100) return false;
    }
    return false;
  }

  #drop(key: string, entry: AccessEntry): void {
    clearTimeout(entry.timer);
    this.#entries.delete(key);
  }

  async #renew(key: string, entry: AccessEntry): Promise<void> {
    const decision = await this.#options.ask(entry.question);
    if (this.#isClosed || this.#entries.get(key) !== entry) return;
    const now = performance.now();
    if (decision !== undefined) entry.endsAt = now + decision.ttlMs + this.#options.staleMs;
    const { read, write, admin } = decision ?? {};
    this.#become(
      entry,
      decision === undefined
        ? this.#away(entry, now)
        : { read: read === true, write: write === true, admin: admin === true },
    );
    entry.timer = setTimeout(() => {
      if (entry.users.size === 0) this.#drop(key, entry);
      else void this.#renew(key, entry);
    }, decision?.ttlMs ?? retryMs);
  }

  #away(entry: AccessEntry, now: number): Known {
    switch (this.#options.whenAway) {
      case 'deny':
        return undefined;
      case 'token':
        return 'token';
      case 'last':
        return now < entry.endsAt ? entry.known : undefined;
    }
  }

  #become(entry: AccessEntry, known: Known): void {
    const before = JSON.stringify(entry.known);
    entry.known = known;
    if (JSON.stringify(known) === before) return;
    for (const changed of [...entry.users]) changed();
  }
}
