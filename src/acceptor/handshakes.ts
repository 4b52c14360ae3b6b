import type { HttpResponse } from 'uWebSockets.js';

/** Time that handshakes may take of a turn of the event loop, in ms. */
const TURN_MS = 5;

/**
 * Spreads the handshakes of many clients that come at once: what takes longer than a part of a turn is done in the next
 * ones, and between them others are served. The requests that wait are bounded as connections that are no WebSocket yet.
 */
export class Handshakes {
  /** Those that wait, in their order, and the place of the first. */
  readonly #waiting: (() => void)[] = [];
  #first = 0;
  /** When the time of this turn is over, in ms of the monotonic clock; undefined while there was none in it. */
  #turnEnd: number | undefined;

  /** Handshakes that wait. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /**
   * Completes a handshake, now or in a later turn; not at all where its connection has gone meanwhile.
   *
   * @param complete Must not use the request, which is gone in later turns.
   */
  add(response: Pick<HttpResponse, 'onAborted' | 'cork'>, complete: () => void): void {
    if (this.waiting === 0 && this.#hasTime()) {
      complete();
      return;
    }
    let isGone = false;
    response.onAborted(() => {
      isGone = true;
    });
    this.#waiting.push(() => {
      if (!isGone) response.cork(complete);
    });
  }

  /** Forgets what waits. */
  stop(): void {
    this.#waiting.length = 0;
    this.#first = 0;
  }

  #hasTime(): boolean {
    const now = performance.now();
    if (this.#turnEnd === undefined) {
      this.#turnEnd = now + TURN_MS;
      setImmediate(this.#nextTurn);
    }
    return now < this.#turnEnd;
  }

  readonly #nextTurn = (): void => {
    this.#turnEnd = undefined;
    while (this.waiting > 0 && this.#hasTime()) this.#waiting[this.#first++]?.();
    if (this.waiting === 0) this.stop();
  };
}
