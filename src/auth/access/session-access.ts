/** What one session may do, when the application decides. */
import type { AccessCache, AccessEntry, Known } from './access-cache.js';
import type { AccessQuestion } from './access-client.js';
import type { Access } from '../permissions.js';

export interface SessionAccessOptions {
  readonly cache: AccessCache;
  readonly subject: Omit<AccessQuestion, 'documentId'>;
  /** What the token says: counts only while the application is away, and if that is configured. */
  readonly token: Access;
  /** An answer has changed. */
  readonly onChanged: () => void;
  /** Whether the answer for a document is still needed when the session has asked for many others. */
  readonly isInUse: (documentId: string) => boolean;
}

/** Documents whose answers one session keeps, besides those that it is subscribed to. */
const maxKept = 10_000;

export class SessionAccess implements Access {
  readonly #options: SessionAccessOptions;
  readonly #entries = new Map<string, AccessEntry>();
  readonly #connect: AccessEntry | undefined;
  #token: Access;
  #isClosed = false;
  readonly #changed = (): void => {
    if (!this.#isClosed) this.#options.onChanged();
  };

  constructor(options: SessionAccessOptions) {
    this.#options = options;
    this.#token = options.token;
    this.#connect = options.cache.entry({ ...options.subject, documentId: null });
    if (this.#connect !== undefined) options.cache.use(this.#connect, this.#changed);
  }

  /** Resolves when it is known whether the user may connect, and what with these documents. */
  async ready(documentIds: Iterable<string>): Promise<void> {
    const waits = Array.from(documentIds, (documentId) => this.prepare(documentId));
    await Promise.all([this.#connect?.pending, ...waits]);
  }

  /** Whether the user may be connected; undefined while that is not known. */
  get mayConnect(): boolean | undefined {
    const known = this.#connect?.known;
    if (known === undefined || known === 'token') return known === undefined ? undefined : true;
    return known.read || known.write || known.admin;
  }

  prepare(documentId: string): Promise<void> | undefined {
    return this.#entry(documentId)?.pending;
  }

  isKnown(documentId: string): boolean {
    return this.#entries.get(documentId)?.known !== undefined;
  }

  mayRead(documentId: string): boolean {
    return this.#may(documentId, 'read', (token) => token.mayRead(documentId));
  }

  mayWrite(documentId: string): boolean {
    return this.#may(documentId, 'write', (token) => token.mayWrite(documentId));
  }

  mayAdmin(documentId: string): boolean {
    return this.#may(documentId, 'admin', (token) => token.mayAdmin(documentId));
  }

  renew(token: Access): Access {
    this.#token = token;
    return this;
  }

  close(): void {
    this.#isClosed = true;
    const { cache } = this.#options;
    if (this.#connect !== undefined) cache.release(this.#connect, this.#changed);
    for (const entry of this.#entries.values()) cache.release(entry, this.#changed);
    this.#entries.clear();
  }

  #may(
    documentId: string,
    right: Exclude<keyof Exclude<Known, 'token' | undefined>, symbol>,
    ofToken: (token: Access) => boolean,
  ): boolean {
    const known = this.#entries.get(documentId)?.known;
    return known === 'token' ? ofToken(this.#token) : known?.[right] === true;
  }

  #entry(documentId: string): AccessEntry | undefined {
    const kept = this.#entries.get(documentId);
    if (kept !== undefined) return kept;
    if (this.#entries.size >= maxKept) this.#forgetOne();
    const entry = this.#options.cache.entry({ ...this.#options.subject, documentId });
    if (entry === undefined) return undefined;
    this.#options.cache.use(entry, this.#changed);
    this.#entries.set(documentId, entry);
    return entry;
  }

  #forgetOne(): void {
    let looked = 0;
    for (const [documentId, entry] of this.#entries) {
      if (!this.#options.isInUse(documentId)) {
        this.#options.cache.release(entry, this.#changed);
        this.#entries.delete(documentId);
        return;
      }
      if (++looked === 100) return;
    }
  }
}
