/** What is known of the parts that a text is stored in, or will be with the batches under way: how they would load. */
export class KnownUpdates {
  readonly #ids = new Set<string>();
  #firstBytes = 0;
  #laterBytes = 0;

  get count(): number {
    return this.#ids.size;
  }

  /** Bytes of the oldest part; 0 when there is none. */
  get firstBytes(): number {
    return this.#firstBytes;
  }

  /** Bytes of all parts behind the oldest. */
  get laterBytes(): number {
    return this.#laterBytes;
  }

  /** Takes note of a part behind the others; of one that is known, nothing. */
  add(id: string, bytes: number): void {
    if (this.#ids.has(id)) return;
    if (this.#ids.size === 0) this.#firstBytes = bytes;
    else this.#laterBytes += bytes;
    this.#ids.add(id);
  }

  /** Forgets all parts, because one takes their place. @returns Their ids. */
  takeAll(): string[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    this.#firstBytes = 0;
    this.#laterBytes = 0;
    return ids;
  }
}
