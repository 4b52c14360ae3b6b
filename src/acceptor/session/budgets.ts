import type { Config } from '../../config/load.js';
import { READ_BURST_SECONDS } from './read-admission.js';
import { perMinute, TokenBucket } from './token-bucket.js';

/** What one session may use. */
export interface SessionBudget {
  readonly messages: TokenBucket;
  /** Bytes of documents that it reads. */
  readonly reads: TokenBucket;
  /** Bytes of its awareness updates. */
  readonly awareness: TokenBucket;
}

/** What all sessions of one user may use together. */
export interface UserBudget {
  readonly reads: TokenBucket;
}

export type BudgetConfig = Pick<
  Config,
  'maxMessagesPerMinute' | 'maxAwarenessBytesPerSecond' | 'maxReadBytesPerSecond' | 'maxUserReadBytesPerSecond'
>;

/** Seconds of its rate of awareness updates that a session may use at once. */
const AWARENESS_BURST_SECONDS = 8;

/** Gives sessions and users what they may use. */
export class Budgets {
  readonly #config: BudgetConfig;

  constructor(config: BudgetConfig) {
    this.#config = config;
  }

  /** @param now Milliseconds of the monotonic clock. */
  ofSession(now: number): SessionBudget {
    const { maxMessagesPerMinute, maxReadBytesPerSecond: reads, maxAwarenessBytesPerSecond: awareness } = this.#config;
    return {
      messages: perMinute(maxMessagesPerMinute, now),
      reads: new TokenBucket(reads, reads * READ_BURST_SECONDS, now),
      awareness: new TokenBucket(awareness, awareness * AWARENESS_BURST_SECONDS, now),
    };
  }

  /** @param now Milliseconds of the monotonic clock. */
  ofUser(now: number): UserBudget {
    const { maxUserReadBytesPerSecond: reads } = this.#config;
    return { reads: new TokenBucket(reads, reads * READ_BURST_SECONDS, now) };
  }
}

/** Whether nothing of it is in use, so that a new budget is as good. */
export function isUnused({ reads }: UserBudget, now: number): boolean {
  return reads.isFull(now);
}
