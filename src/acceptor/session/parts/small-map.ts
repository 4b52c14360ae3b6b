/** A map for few entries, mostly one: ten thousand maps of one entry would take megabytes. */
export class SmallMap<V> {
  /** Of the only entry; undefined when there is none, or when there are several. */
  #key: string | undefined;
  #value: V | undefined;
  #several: Map<string, V> | undefined;

  get size(): number {
    return this.#several?.size ?? (this.#key === undefined ? 0 : 1);
  }

  has(key: string): boolean {
    return this.#several?.has(key) ?? key === this.#key;
  }

  get(key: string): V | undefined {
    if (this.#several !== undefined) return this.#several.get(key);
    return key === this.#key ? this.#value : undefined;
  }

  set(key: string, value: V): void {
    if (this.#several !== undefined) {
      this.#several.set(key, value);
    } else if (this.#key === undefined || this.#key === key) {
      this.#key = key;
      this.#value = value;
    } else {
      this.#several = new Map([...this, [key, value]]);
      this.#key = this.#value = undefined;
    }
  }

  /** @returns Whether there was such an entry. */
  delete(key: string): boolean {
    if (this.#several !== undefined) return this.#several.delete(key);
    if (key !== this.#key) return false;
    this.clear();
    return true;
  }

  clear(): void {
    this.#key = this.#value = this.#several = undefined;
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this) yield key;
  }

  /** In the order in which they were added; entries may be deleted meanwhile. */
  *[Symbol.iterator](): IterableIterator<[string, V]> {
    if (this.#several !== undefined) yield* this.#several;
    // The value may be undefined, where the type of values says so.
    else if (this.#key !== undefined) yield [this.#key, this.#value as V];
  }
}
