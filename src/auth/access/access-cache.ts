/** The application's answers, by user and document: asked for once, renewed while somebody uses them. */
import type { AccessQuestion, Decision } from './access-client.js';
import { RecheckQueue } from './recheck-queue.js';

/** What counts while the application does not answer. */
export type WhenAway = 'deny' | 'last' | 'token';

export interface AccessCacheOptions {
  /** Undefined when there is no answer. */
  readonly ask: (question: AccessQuestion) => Promise<Decision | undefined>;
  readonly whenAway: WhenAway;
  /** How long the last answer counts beyond its time, in ms. */
  readonly staleMs: number;
  readonly maxEntries: number;
  /** Age at which an answer that is in use is asked for anew, in ms; 0 = only when its time is over. */
  readonly recheckMs: number;
  readonly maxRechecksPerSecond: number;
}

/** What a user may do with a document: as answered, as the token says, or unknown. */
export type Known = Pick<Decision, 'read' | 'write' | 'admin'> | 'token' | undefined;

/** Which answers may have changed; what is undefined may be any. */
export interface AccessChange {
  readonly userId?: string | undefined;
  readonly documentId?: string | undefined;
}

const retryMs = 1_000;

/** The answer for one user and document. */
export class AccessEntry {
  known: Known;
  /** Set until there is a first answer, or none can be had. */
  pending: Promise<void> | undefined;
  /** Called when what is known has changed; see `use`. */
  readonly users = new Set<() => void>();
  /** When the time of the last answer is over, by `performance.now()`. */
  freshUntil = 0;
  /** When the last answer ends to count. */
  endsAt = 0;
  timer: NodeJS.Timeout | undefined;
  /** When it was last asked for, by `performance.now()`. */
  askedAt = 0;
  /** Questions so far, and the last one that was answered: answers may come in another order. */
  asked = 0;
  answered = 0;

  constructor(
    readonly key: string,
    readonly question: AccessQuestion,
  ) {}
}

export class AccessCache {
  readonly #options: AccessCacheOptions;
  readonly #entries = new Map<string, AccessEntry>();
  /** Those of a user, and those of a document. */
  readonly #byUser = new Map<string, Set<AccessEntry>>();
  readonly #byDocument = new Map<string, Set<AccessEntry>>();
  readonly #rechecks: RecheckQueue<AccessEntry>;
  #isClosed = false;

  constructor(options: AccessCacheOptions) {
    this.#options = options;
    const { recheckMs, maxRechecksPerSecond: perSecond } = options;
    this.#rechecks = new RecheckQueue({ recheckMs, perSecond, recheck: (entry) => this.#recheck(entry) });
  }

  get size(): number {
    return this.#entries.size;
  }

  /** By how much the answers in use are older than they should be, in ms. */
  get lagMs(): number {
    return this.#rechecks.lagMs;
  }

  /** The entry of a question; made and asked for when there is none. Undefined when there are too many in use. */
  entry(question: AccessQuestion): AccessEntry | undefined {
    const key = keyOf(question.userId, question.documentId);
    const found = this.#entries.get(key);
    if (found !== undefined) return found;
    if (this.#entries.size >= this.#options.maxEntries && !this.#evict()) return undefined;
    const entry = new AccessEntry(key, question);
    this.#entries.set(key, entry);
    index(this.#byUser, question.userId, entry);
    if (question.documentId !== null) index(this.#byDocument, question.documentId, entry);
    entry.pending = this.#renew(entry).then(() => {
      entry.pending = undefined;
    });
    return entry;
  }

  /** Somebody uses an entry from now on. @param changed Called when what is known has changed. */
  use(entry: AccessEntry, changed: () => void): void {
    entry.users.add(changed);
    if (this.#entries.get(entry.key) === entry) this.#rechecks.enter(entry, entry.askedAt);
  }

  release(entry: AccessEntry, changed: () => void): void {
    entry.users.delete(changed);
    if (entry.users.size === 0) this.#rechecks.leave(entry);
  }

  /** The application says that answers have changed: those in use are asked for soon, others when they are needed. */
  refresh({ userId, documentId }: AccessChange): void {
    for (const entry of [...this.#concerned(userId, documentId)]) {
      if (entry.users.size > 0 || entry.pending !== undefined) this.#rechecks.hurry(entry);
      else this.#drop(entry);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#rechecks.close();
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
  }

  #concerned(userId: string | undefined, documentId: string | undefined): Iterable<AccessEntry> {
    if (userId !== undefined && documentId !== undefined) {
      const entry = this.#entries.get(keyOf(userId, documentId));
      return entry === undefined ? [] : [entry];
    }
    if (userId !== undefined) return this.#byUser.get(userId) ?? [];
    if (documentId !== undefined) return this.#byDocument.get(documentId) ?? [];
    return this.#entries.values();
  }

  /** Looks at a few only, so that the cost is bounded. */
  #evict(): boolean {
    let looked = 0;
    for (const entry of this.#entries.values()) {
      if (entry.users.size === 0 && entry.pending === undefined) {
        this.#drop(entry);
        return true;
      }
      if (++looked === 100) return false;
    }
    return false;
  }

  #drop(entry: AccessEntry): void {
    clearTimeout(entry.timer);
    this.#entries.delete(entry.key);
    this.#rechecks.forget(entry);
    const { userId, documentId } = entry.question;
    unindex(this.#byUser, userId, entry);
    if (documentId !== null) unindex(this.#byDocument, documentId, entry);
  }

  /** @returns Whether there was an answer. */
  async #recheck(entry: AccessEntry): Promise<boolean> {
    if (this.#entries.get(entry.key) !== entry) return true;
    await entry.pending;
    return this.#renew(entry);
  }

  /** @returns Whether there was an answer. */
  async #renew(entry: AccessEntry): Promise<boolean> {
    const number = ++entry.asked;
    entry.askedAt = performance.now();
    const decision = await this.#options.ask(entry.question);
    const isAnswered = decision !== undefined;
    if (this.#isClosed || this.#entries.get(entry.key) !== entry || number < entry.answered) return isAnswered;
    entry.answered = number;
    const now = performance.now();
    if (decision !== undefined) {
      const { read, write, admin, ttlMs } = decision;
      entry.freshUntil = now + ttlMs;
      entry.endsAt = entry.freshUntil + this.#options.staleMs;
      this.#become(entry, { read, write, admin });
    } else if (now >= entry.freshUntil) {
      this.#become(entry, this.#away(entry, now));
    }
    clearTimeout(entry.timer);
    const leftMs = entry.freshUntil - now;
    entry.timer = setTimeout(
      () => {
        if (entry.users.size === 0) this.#drop(entry);
        else void this.#renew(entry);
      },
      leftMs > 0 ? leftMs : retryMs,
    );
    return isAnswered;
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

function keyOf(userId: string, documentId: string | null): string {
  return `${userId}\n${documentId ?? ''}`;
}

function index(map: Map<string, Set<AccessEntry>>, name: string, entry: AccessEntry): void {
  const entries = map.get(name);
  if (entries === undefined) map.set(name, new Set([entry]));
  else entries.add(entry);
}

function unindex(map: Map<string, Set<AccessEntry>>, name: string, entry: AccessEntry): void {
  const entries = map.get(name);
  entries?.delete(entry);
  if (entries?.size === 0) map.delete(name);
}
