/** The sequences of the updates that this bus has published, and when each is to be repeated. */

/** The last sequence of a document is repeated 1, then 3, then 9 times `tailMs` after the former message. */
const ROUNDS = [1, 3, 9] as const;

export interface Numbered {
  readonly sequence: number;
  /** As `MessageTimes.since`, in ms. */
  readonly since: number;
}

export interface Tail extends Numbered {
  readonly documentId: string;
}

interface Entry {
  sequence: number;
  /** When its last update was published; this and `dueAt` in ms of the monotonic clock. */
  publishedAt: number;
  /** How often the sequence was repeated. */
  round: number;
  /** When it is repeated next. */
  dueAt: number;
}

/**
 * Counts the updates of each document from 1. The sequence of an update reveals that the one before it was lost. No
 * update follows the last of a burst, so its sequence is repeated in *tails* without data, a few times with growing
 * pauses.
 *
 * Sequences are remembered for a bounded number of documents. A document that was forgotten continues above every
 * forgotten sequence: receivers may see a gap where there is none and load the document, which is safe. Its tails are
 * forgotten too, so the bound has to be above the number of documents with updates within a few `tailMs`.
 */
export class OwnSequences {
  readonly #tailMs: number;
  readonly #maxDocuments: number;
  /** In the order of their last update, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** For each round, the documents whose tail is to be sent, in the order in which they become due. */
  readonly #rounds = ROUNDS.map(() => new Map<string, Entry>());
  /** The highest sequence that was forgotten, and the latest time of an update that was. */
  #forgotten = { sequence: 0, publishedAt: 0 };

  /** @param tailMs Time without an update of a document after which its last sequence is first repeated. */
  constructor(tailMs: number, maxDocuments: number) {
    this.#tailMs = tailMs;
    this.#maxDocuments = maxDocuments;
  }

  /** Documents whose sequences are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** The sequence of the next update of a document. @param now Milliseconds of the monotonic clock. */
  next(documentId: string, now: number): Numbered {
    const former = this.#entries.get(documentId);
    const { sequence, publishedAt } = former ?? this.#forgotten;
    const entry = { sequence: sequence + 1, publishedAt: now, round: 0, dueAt: now + this.#tailMs };
    if (former !== undefined) {
      this.#entries.delete(documentId);
      this.#rounds[former.round]?.delete(documentId);
    } else if (this.#entries.size >= this.#maxDocuments) {
      this.#forgetOldest();
    }
    this.#entries.set(documentId, entry);
    this.#rounds[0]?.set(documentId, entry);
    return { sequence: entry.sequence, since: sequence === 0 ? 0 : elapsed(publishedAt, now) };
  }

  /** At most `limit` of the tails that are due; they count as sent. */
  dueTails(now: number, limit: number): Tail[] {
    const due: Tail[] = [];
    for (const [round, waiting] of this.#rounds.entries()) {
      for (const [documentId, entry] of waiting) {
        if (due.length >= limit) return due;
        if (entry.dueAt > now) break;
        waiting.delete(documentId);
        entry.round = round + 1;
        entry.dueAt = now + this.#tailMs * (ROUNDS[entry.round] ?? 0);
        this.#rounds[entry.round]?.set(documentId, entry);
        due.push({ documentId, sequence: entry.sequence, since: elapsed(entry.publishedAt, now) });
      }
    }
    return due;
  }

  /** All tails that are still to be sent, due or not. */
  pendingTails(now: number): Tail[] {
    return this.#rounds.flatMap((waiting) =>
      Array.from(waiting, ([documentId, { sequence, publishedAt }]) => {
        return { documentId, sequence, since: elapsed(publishedAt, now) };
      }),
    );
  }

  /** Restarts the repetition of a document's sequence, if it is remembered. */
  repeat(documentId: string, now: number): void {
    const entry = this.#entries.get(documentId);
    if (entry === undefined) return;
    this.#rounds[entry.round]?.delete(documentId);
    entry.round = 0;
    entry.dueAt = now + this.#tailMs;
    this.#rounds[0]?.set(documentId, entry);
  }

  /** Restarts the repetition for all documents with an update since `time`. */
  repeatSince(time: number, now: number): void {
    for (const [documentId, { publishedAt }] of this.#entries) {
      if (publishedAt >= time) this.repeat(documentId, now);
    }
  }

  #forgetOldest(): void {
    for (const [documentId, { sequence, publishedAt, round }] of this.#entries) {
      this.#entries.delete(documentId);
      this.#rounds[round]?.delete(documentId);
      this.#forgotten = {
        sequence: Math.max(this.#forgotten.sequence, sequence),
        // Documents are forgotten in the order of their last update, so this one is the latest.
        publishedAt,
      };
      return;
    }
  }
}

/** Rounded down, as `since` is a lower bound. */
function elapsed(from: number, to: number): number {
  return Math.max(0, Math.floor(to - from));
}
