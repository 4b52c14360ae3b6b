/** Which commits of a document are in memory, by the numbers that the storage gives them. */
export class SeenCommits {
  #upTo: number;
  /** Greater than the next one. */
  readonly #beyond = new Set<number>();

  /** @param upTo The last commit in what was loaded. */
  constructor(upTo: number) {
    this.#upTo = upTo;
  }

  /** All commits up to this number are there. */
  get upTo(): number {
    return this.#upTo;
  }

  /** Adds one commit. @returns Whether none before it is missing. */
  add(number: number): boolean {
    if (number > this.#upTo) this.#beyond.add(number);
    this.#advance();
    return this.#beyond.size === 0;
  }

  /** All commits up to a number were loaded. */
  loaded(upTo: number): void {
    if (upTo <= this.#upTo) return;
    this.#upTo = upTo;
    for (const number of this.#beyond) if (number <= upTo) this.#beyond.delete(number);
    this.#advance();
  }

  #advance(): void {
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo++;
  }
}
