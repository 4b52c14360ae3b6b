/** The updates that a text is stored in, or will be with the batches under way: how many, and how large. */
export class KnownUpdates {
  readonly #ids = new Set<string>();
  #firstBytes = 0;
  #laterBytes = 0;

  get count(): number {
    return this.#ids.size;
  }

  /** Bytes of the oldest update; 0 when there is none. */
  get firstBytes(): number {
    return this.#firstBytes;
  }

  /** Bytes of all updates but the oldest. */
  get laterBytes(): number {
    return this.#laterBytes;
  }

  /** Adds an update behind the others; one that is known changes nothing. */
  add(id: string, bytes: number): void {
    if (this.#ids.has(id)) return;
    if (this.#ids.size === 0) this.#firstBytes = bytes;
    else this.#laterBytes += bytes;
    this.#ids.add(id);
  }

  /** Removes all updates, because one takes their place. @returns Their ids. */
  clear(): string[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    this.#firstBytes = 0;
    this.#laterBytes = 0;
    return ids;
  }
}
