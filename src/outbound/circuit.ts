/** So many failures in a row, and the application is left alone for a while. */
const failuresToOpen = 5;
const firstPauseMs = 500;
const longestPauseMs = 5_000;

/** Leaves an application alone that fails again and again: nobody waits for it, and it can recover. */
export class Circuit {
  #failures = 0;
  #pausedUntil = 0;

  /** Whether it is left alone. */
  get isOpen(): boolean {
    return performance.now() < this.#pausedUntil;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures++;
    if (this.#failures < failuresToOpen) return;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - failuresToOpen));
    this.#pausedUntil = performance.now() + pauseMs;
  }
}

/** Why a call failed, for the log. @param shape What the answer should be. */
export function failureOf(error: unknown, shape: string): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'ZodError' || error instanceof SyntaxError) return `the answer has another shape than ${shape}`;
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
