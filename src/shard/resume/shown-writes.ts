/** Flushes that are remembered. While others write without a pause, each takes a window: 2 ms up to `SYNC_BATCH_DELAY`. */
const MOST = 512;

/**
 * The last writes of a document that this shard sent to clients before they were durable. While the shard lives they are
 * durable or will be, so a client that was sent one of them holds nothing that a crash took back.
 */
export class ShownWrites {
  readonly #stamps: number[] = [];
  readonly #writers: string[] = [];

  /** The stamp of the last one; 0 if there was none. */
  get last(): number {
    return this.#stamps.at(-1) ?? 0;
  }

  /** @param stamp Greater than those before. */
  add(stamp: number, writer: string): void {
    this.#stamps.push(stamp);
    this.#writers.push(writer);
    if (this.#stamps.length < MOST * 2) return;
    this.#stamps.splice(0, MOST);
    this.#writers.splice(0, MOST);
  }

  /** Who made the write with this stamp, if it is remembered. */
  writerOf(stamp: number): string | undefined {
    const place = this.#stamps.lastIndexOf(stamp);
    return place === -1 ? undefined : this.#writers[place];
  }
}
