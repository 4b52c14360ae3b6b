/** The outcome of the writes of all documents. */
export interface Balance {
  readonly written: number;
  /** Writes times the clients that had to get them. */
  readonly expected: number;
  /** Of these, what did not come. */
  readonly lost: number;
  /** Updates that came again. */
  readonly repeated: number;
  /** Clients whose last update is not the last write of their document. */
  readonly stale: number;
}

/** Writes of one document that are recorded; later ones are not. */
const WATCHED_WRITES = 4_096;
/** What is known of a write and a client, besides 0 for nothing. */
const SENT = 1;
const OWN = 2;

/** Remembers each update that each client got of its document, so that no loss goes undetected. */
export class Ledger {
  readonly #documents: number;
  /** A byte per client and write. */
  readonly #seen: Uint8Array[];
  readonly #last: Float64Array;
  #repeated = 0;

  /** Client i follows document i modulo `documents`. */
  constructor(clients: number, documents: number) {
    this.#documents = documents;
    this.#seen = Array.from({ length: clients }, () => new Uint8Array(WATCHED_WRITES));
    this.#last = new Float64Array(clients);
  }

  /** The client wrote it: it shows it, whether it is sent it or not. */
  wrote(client: number, number: number): void {
    const seen = this.#seen[client];
    if (seen === undefined || number >= WATCHED_WRITES) return;
    seen[number] = OWN;
    this.#last[client] = number;
  }

  /** The client got the write of this number, counted from 1. */
  received(client: number, number: number): void {
    const seen = this.#seen[client];
    if (seen === undefined || number >= WATCHED_WRITES) return;
    if (seen[number] === SENT) this.#repeated++;
    seen[number] = SENT;
    this.#last[client] = number;
  }

  /** @param written Writes of each document so far. */
  balance(written: Float64Array): Balance {
    let expected = 0;
    let lost = 0;
    let stale = 0;
    this.#seen.forEach((seen, client) => {
      const writes = written[client % this.#documents] ?? 0;
      expected += writes;
      for (let number = 1; number <= Math.min(writes, WATCHED_WRITES - 1); number++) if (seen[number] === 0) lost++;
      if ((this.#last[client] ?? 0) !== Math.min(writes, WATCHED_WRITES - 1)) stale++;
    });
    return { written: written.reduce((sum, count) => sum + count, 0), expected, lost, repeated: this.#repeated, stale };
  }
}
