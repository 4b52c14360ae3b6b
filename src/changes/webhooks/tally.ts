/** Counts deliveries for the metrics and for administrators. */
import type { Outbox } from './outbox.js';

export interface DeliveryStatus {
  /** Whether this process delivers. */
  readonly isDelivering: boolean;
  /** Whether the receiver is left alone, as it has not answered. */
  readonly isPaused: boolean;
  /** Events that are not delivered, and those among them that have failed. */
  readonly pending: number;
  readonly failing: number;
  /** When the oldest of them happened, in ms since the epoch; undefined when there is none. */
  readonly oldestAt: number | undefined;
  /** Events that were given up and are kept. */
  readonly dead: number;
  /** Since it was asked last. */
  readonly delivered: number;
  readonly failed: number;
  readonly died: number;
  /** Of calls, in ms. */
  readonly latencies: readonly number[];
}

const MOST_LATENCIES = 1_000;

export class DeliveryTally {
  /** Events that were given up and are kept, as far as this process knows. */
  dead = 0;
  #delivered = 0;
  #failed = 0;
  #died = 0;
  #latencies: number[] = [];

  called(isDelivered: boolean, ms: number): void {
    if (isDelivered) this.#delivered++;
    else this.#failed++;
    if (this.#latencies.length < MOST_LATENCIES) this.#latencies.push(ms);
  }

  died(count: number): void {
    this.#died += count;
    this.dead += count;
  }

  take(outbox: Outbox | undefined, isPaused: boolean): DeliveryStatus {
    const status = {
      isDelivering: outbox !== undefined,
      isPaused,
      pending: outbox?.pending ?? 0,
      failing: outbox?.failures ?? 0,
      oldestAt: outbox?.oldestAt,
      dead: outbox === undefined ? 0 : this.dead,
      ...{ delivered: this.#delivered, failed: this.#failed, died: this.#died, latencies: this.#latencies },
    };
    [this.#delivered, this.#failed, this.#died, this.#latencies] = [0, 0, 0, []];
    return status;
  }
}
