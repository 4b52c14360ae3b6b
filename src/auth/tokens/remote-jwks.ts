/** The keys of an identity provider behind a URL: cached, renewed, and used for a while when the provider is away. */
import { readJwks, type KeySet } from './key-set.js';

export interface RemoteJwksOptions {
  readonly url: string;
  /** Age at which the keys are fetched anew, in ms. */
  readonly refreshMs: number;
  /** How long they may be used beyond that age while they can't be fetched, in ms. */
  readonly staleMs: number;
  /** Called after each attempt; `reason` is a sentence for operators. */
  readonly onFetched: (result: { readonly ok: true } | { readonly ok: false; readonly reason: string }) => void;
  /** Milliseconds, from any point in time; for tests. */
  readonly now?: () => number;
}

const timeoutMs = 5_000;
/** After a failure, the keys are not fetched again before this time, in ms. */
const retryMs = 1_000;
const maxBytes = 512 * 1024;
/** Fetches for unknown key ids: so many at once, and one more each time the span is over. Anybody can invent ids. */
const unknownBurst = 5;
const unknownRefillMs = 10_000;

interface Fetched {
  readonly keys: KeySet;
  readonly at: number;
}

export class RemoteJwks {
  readonly #options: RemoteJwksOptions;
  readonly #now: () => number;
  #fetched: Fetched | undefined;
  #fetching: Promise<void> | undefined;
  #failedAt = -Infinity;
  #tokens = unknownBurst;
  #refilledAt: number;

  constructor(options: RemoteJwksOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#refilledAt = this.#now();
  }

  /**
   * The keys to check a token with.
   *
   * @param kid Of the token. When the keys do not have it, they may have been replaced and are fetched once more.
   * @returns Undefined while there are none that may be used.
   */
  async keysFor(kid: string | undefined): Promise<KeySet | undefined> {
    const age = this.#age();
    const { refreshMs, staleMs } = this.#options;
    if (age > refreshMs) {
      const refresh = this.#refresh();
      // Usable keys do not wait for newer ones.
      if (age > refreshMs + staleMs) await refresh;
    }
    const isUnknown = kid !== undefined && this.#fetched?.keys.has(kid) === false;
    if (isUnknown && this.#takeToken()) await this.#refresh();
    return this.#age() > refreshMs + staleMs ? undefined : this.#fetched?.keys;
  }

  #age(): number {
    return this.#fetched === undefined ? Infinity : this.#now() - this.#fetched.at;
  }

  #takeToken(): boolean {
    const now = this.#now();
    const gained = Math.floor((now - this.#refilledAt) / unknownRefillMs);
    if (gained > 0) {
      this.#tokens = Math.min(unknownBurst, this.#tokens + gained);
      this.#refilledAt += gained * unknownRefillMs;
    }
    // One that runs already may have begun before the provider had the key; it is joined all the same.
    if (this.#fetching !== undefined) return true;
    if (this.#tokens === 0) return false;
    this.#tokens--;
    return true;
  }

  /** One at a time; never rejects. */
  #refresh(): Promise<void> {
    if (this.#fetching === undefined && this.#now() - this.#failedAt < retryMs) return Promise.resolve();
    return (this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    }));
  }

  async #fetch(): Promise<void> {
    try {
      const response = await fetch(this.#options.url, {
        headers: { accept: 'application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) throw new Error(`the answer is ${response.status}`);
      const keys = readJwks(await bodyOf(response));
      this.#fetched = { keys, at: this.#now() };
      this.#failedAt = -Infinity;
      this.#options.onFetched({ ok: true });
    } catch (error) {
      this.#failedAt = this.#now();
      this.#options.onFetched({ ok: false, reason: reasonOf(error) });
    }
  }
}

async function bodyOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // The body of a fetch is an async iterable in Node.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
