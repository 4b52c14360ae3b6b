/** The shared state of nodes in one process, or of a single node. It ends with the process. */
import { decodeEntry, encodeEntry } from '../membership/node-entry.js';
import {
  SharedStateError,
  waitAfter,
  type Counted,
  type Listed,
  type NodeEntry,
  type NodeList,
  type SharedState,
  type ThrottlePolicy,
} from '../membership/shared-state.js';

/** Something that expires. */
interface Ending {
  /** Milliseconds since the epoch. */
  endsAt: number;
}

interface Announcement extends Ending {
  /** Milliseconds since the epoch. */
  readonly renewedAt: number;
  /** The entry, encoded. */
  readonly text: string;
}

/** Most counts that are kept. */
const MAX_KEYS = 100_000;
/** Time between two removals of expired counts, in ms. */
const SWEEP_MS = 10_000;

/** The data that several memory states share. */
export class MemorySharedStore {
  readonly nodes = new Map<string, Announcement>();
  readonly counts = new Map<string, Ending & { count: number }>();
  readonly attempts = new Map<string, Ending & { count: number; waitUntil: number }>();
  #sweptAt = Date.now();

  /** Removes expired counts and attempts, at most every 10 seconds. @param now Milliseconds since the epoch. */
  sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const counts of [this.counts, this.attempts]) {
      for (const [key, { endsAt }] of counts) if (endsAt <= now) counts.delete(key);
    }
  }
}

export class MemorySharedState implements SharedState {
  readonly #store: MemorySharedStore;
  #closed = false;

  constructor(store = new MemorySharedStore()) {
    this.#store = store;
  }

  announce(entry: NodeEntry, leaseMs: number): Promise<NodeList> {
    return this.#at((now) => {
      const { nodes: announced } = this.#store;
      for (const [run, { endsAt }] of announced) if (endsAt <= now) announced.delete(run);
      const known = announced.has(entry.run);
      announced.set(entry.run, { endsAt: now + leaseMs, renewedAt: now, text: encodeEntry(entry) });
      const nodes = Array.from(announced.values(), ({ text, renewedAt }) => {
        const read = decodeEntry(text);
        return read === undefined ? undefined : { ...read, renewedAt };
      }).filter((node): node is Listed<NodeEntry> => node !== undefined);
      return { now, nodes, known, malformed: announced.size - nodes.length };
    });
  }

  leave(run: string): Promise<void> {
    return this.#at(() => void this.#store.nodes.delete(run));
  }

  count(key: string, windowMs: number): Promise<Counted> {
    return this.#at((now) => {
      const { counts } = this.#store;
      let counted = counts.get(key);
      if (counted === undefined || counted.endsAt <= now) {
        counts.delete(key);
        // At the limit the oldest goes: it is the most likely to expire soon.
        if (counts.size >= MAX_KEYS) for (const [oldest] of counts) if (counts.delete(oldest)) break;
        counted = { count: 0, endsAt: now + windowMs };
        counts.set(key, counted);
      }
      return { count: ++counted.count, endsInMs: counted.endsAt - now };
    });
  }

  attempt(key: string, policy: ThrottlePolicy): Promise<number> {
    return this.#at((now) => {
      const { attempts } = this.#store;
      const known = attempts.get(key);
      const { count, waitUntil } = known !== undefined && known.endsAt > now ? known : { count: 0, waitUntil: 0 };
      if (waitUntil > now) return waitUntil - now;
      attempts.delete(key);
      if (attempts.size >= MAX_KEYS) for (const [oldest] of attempts) if (attempts.delete(oldest)) break;
      const next = { count: count + 1, waitUntil: now + waitAfter(count + 1, policy), endsAt: now + policy.keepMs };
      attempts.set(key, next);
      return 0;
    });
  }

  clear(key: string): Promise<void> {
    return this.#at(() => void this.#store.attempts.delete(key));
  }

  takeBack(key: string): Promise<void> {
    return this.#at(() => {
      const known = this.#store.attempts.get(key);
      if (known === undefined) return;
      known.count = Math.max(0, known.count - 1);
      known.waitUntil = 0;
    });
  }

  close(): void {
    this.#closed = true;
  }

  #at<Result>(work: (now: number) => Result): Promise<Result> {
    return new Promise((resolve) => {
      if (this.#closed) throw new SharedStateError('the shared state is closed');
      const now = Date.now();
      this.#store.sweep(now);
      resolve(work(now));
    });
  }
}
