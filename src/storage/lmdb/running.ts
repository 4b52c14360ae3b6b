/** What runs on an environment, which must not be closed before. */
export class Running {
  readonly #all = new Set<Promise<unknown>>();

  async run<Result>(action: () => Promise<Result>): Promise<Result> {
    const running = action();
    this.#all.add(running);
    try {
      return await running;
    } finally {
      this.#all.delete(running);
    }
  }

  /** Resolves when nothing runs any more that runs now. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#all);
  }
}
