import type { FlushBudget } from './flush-budget.js';

/** Bytes to a subscriber that cost as much as the system call that they are sent with, about. */
const CALL_BYTES = 8_192;
/** Subscribers of a turn below which so many answers are not measured after it: to ask for the CPU time takes microseconds. */
const FEW = 256;
const SKIPPED = 7;

/**
 * Measures what it takes to publish in a turn of the event loop, from the first answer to where all is sent: uWebSockets
 * sends what was published at the end of the turn, before the callbacks of `setImmediate`. Counted is the time of the
 * turn, or the CPU time of the process where that is less: the thread may have waited for a core, and other threads may
 * have worked. Turns with few subscribers are measured now and then. What else the turn had to do counts, too, so a busy
 * acceptor seems dearer than it is.
 */
export class TurnCost {
  readonly #budget: Pick<FlushBudget, 'measured'>;
  #start = 0;
  #cpu: NodeJS.CpuUsage | undefined;
  #reached = 0;
  /** Answers that are not measured from now on. */
  #skipped = 0;

  /**
   * @param budget Told of each measured turn: its milliseconds, and the subscribers that got something in it, each counted as one
   * and as so many more as it got times 8 KiB, which cost about as much as a system call.
   */
  constructor(budget: Pick<FlushBudget, 'measured'>) {
    this.#budget = budget;
  }

  /** An answer is about to be published. */
  begin(): void {
    if (this.#cpu !== undefined) return;
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    this.#start = performance.now();
    this.#cpu = process.cpuUsage();
    setImmediate(this.#end);
  }

  /** A frame was published. @param isFirst Whether it is the first that these subscribers get. */
  add(subscribers: number, bytes: number, isFirst: boolean): void {
    if (this.#cpu !== undefined) this.#reached += subscribers * ((isFirst ? 1 : 0) + bytes / CALL_BYTES);
  }

  readonly #end = (): void => {
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = undefined;
    const reached = this.#reached;
    this.#reached = 0;
    if (reached < FEW) this.#skipped = SKIPPED;
    if (reached > 0) this.#budget.measured(Math.min(performance.now() - this.#start, (user + system) / 1_000), reached);
  };
}

/** @returns A function: how busy this thread's event loop was since its last call, from 0 to 1. */
export function eventLoopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
