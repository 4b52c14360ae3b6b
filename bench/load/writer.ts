import type { Client } from './client.js';
import type { Template } from './frames.js';
import type { Tally } from './tally.js';

export interface WriterOptions {
  readonly template: Template;
  readonly client: Client;
  readonly tally: Tally;
  /** Index of the document in `written`. */
  readonly document: number;
  /** Writes of each document so far, by all of its writers. */
  readonly written: Float64Array;
}

/** Writes one document from one client. */
export class Writer {
  /** Writes that are not acknowledged. */
  underWay = 0;
  readonly #options: WriterOptions;
  #due = 0;
  #again = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Keeps so many writes under way from now on. */
  start(underWay: number): void {
    this.#again = true;
    this.write(underWay);
  }

  /** Writes no more. */
  stop(): void {
    this.#again = false;
    this.#due = 0;
  }

  /** Sends some writes in one piece. */
  write(count: number): void {
    const { template, client, tally, written, document } = this.#options;
    const before = written[document] ?? 0;
    written[document] = before + count;
    this.underWay += count;
    tally.writes += count;
    for (let number = before + 1; number <= before + count; number++) client.wrote(number);
    client.send(template.frames(count, before + 1));
  }

  /** Sends one write and waits for its ack. */
  async writeAcked(): Promise<void> {
    this.write(1);
    await this.#options.client.readUntil('the ack of a write', () => this.underWay === 0);
  }

  /** An ack came. */
  acked(): void {
    this.underWay--;
    if (this.#again) this.#due++;
  }

  /** Sends as many writes as the acks of this read allow. */
  flush(): void {
    const due = this.#due;
    if (due === 0) return;
    this.#due = 0;
    this.write(due);
  }
}

/** Lets writers write in turns, so many times a second. Returns what stops it. */
export function writePaced(writers: readonly Writer[], perSecond: number): () => void {
  const start = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1_000) * perSecond);
    // One writer alone sends what is due in one piece: a socket that is written a thousand times a second is the same
    // for the server, and dearer here.
    if (writers.length === 1 && due > sent) writers[0]?.write(due - sent);
    else for (let i = sent; i < due; i++) writers[i % writers.length]?.write(1);
    sent = Math.max(sent, due);
  }, 1);
  return () => {
    clearInterval(timer);
  };
}
