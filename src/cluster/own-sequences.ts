/** The numbers that this node gave to its news, and when they are to be repeated. */

/** The last number of a document is repeated after 1, then 3, then 9 times the time of silence. */
const ROUNDS = [1, 3, 9] as const;

/** A number, and at least how many ms ago the news was published that came before it or, for a tail, that bears it. */
export interface Numbered {
  readonly sequence: number;
  readonly since: number;
}

export interface Tail extends Numbered {
  readonly documentId: string;
}

interface Entry {
  sequence: number;
  publishedAt: number;
  /** Rounds of repetition that are over, and when the next one is due. */
  round: number;
  dueAt: number;
}

/**
 * Counts the news of each document from 1 on. A lost message shows by the next one's number; the last of a burst has
 * no next one, so its number is repeated in *tails* without data, a few times with growing pauses.
 *
 * Numbers are remembered for a bounded number of documents. One that was forgotten goes on above every number that was
 * forgotten: receivers see a gap where there may be none and load the document, which is the safe side. Its tails are
 * forgotten with it, so the bound has to be above what is published within a few `tailMs`.
 */
export class OwnSequences {
  readonly #tailMs: number;
  readonly #maxDocuments: number;
  /** The one that was published longest ago in front. */
  readonly #entries = new Map<string, Entry>();
  /** Documents whose tail is to be sent, for each round; the one that is due first in front. */
  readonly #rounds = ROUNDS.map(() => new Map<string, Entry>());
  /** The highest number that was forgotten, and the time of the last news that was. */
  #forgotten = { sequence: 0, publishedAt: 0 };

  /** @param tailMs Silence of a document after which its last number is repeated for the first time. */
  constructor(tailMs: number, maxDocuments: number) {
    this.#tailMs = tailMs;
    this.#maxDocuments = maxDocuments;
  }

  /** Documents whose numbers are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** The number of the next news about a document. @param now In ms, by a clock that is never set. */
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

  /** Tails that are due, at most so many; they count as sent. */
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

  /** Tails that are still to come, due or not. */
  pendingTails(now: number): Tail[] {
    return this.#rounds.flatMap((waiting) =>
      Array.from(waiting, ([documentId, { sequence, publishedAt }]) => {
        return { documentId, sequence, since: elapsed(publishedAt, now) };
      }),
    );
  }

  /** Begins anew to repeat the number of a document, if it is remembered. */
  repeat(documentId: string, now: number): void {
    const entry = this.#entries.get(documentId);
    if (entry === undefined) return;
    this.#rounds[entry.round]?.delete(documentId);
    entry.round = 0;
    entry.dueAt = now + this.#tailMs;
    this.#rounds[0]?.set(documentId, entry);
  }

  /** Begins anew to repeat the numbers of what was published since a point in time. */
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
        // They are forgotten in the order in which they were published.
        publishedAt,
      };
      return;
    }
  }
}

/** Rounded down: it is given as "at least". */
function elapsed(from: number, to: number): number {
  return Math.max(0, Math.floor(to - from));
}
