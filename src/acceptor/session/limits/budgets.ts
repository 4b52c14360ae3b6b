import type { Config } from '../../../config/load.js';
import { READ_BURST_SECONDS } from './read-admission.js';
import { perMinute, TokenBucket } from './token-bucket.js';

/** What one session may use. */
export interface SessionBudget {
  readonly messages: TokenBucket;
  /** Bytes of its messages. */
  readonly received: TokenBucket;
  /** Refused messages. */
  readonly refusals: TokenBucket;
  /** Bytes of documents that it reads. */
  readonly reads: TokenBucket;
  /** Bytes of its awareness updates. */
  readonly awareness: TokenBucket;
  /** Bytes of its writes, once for each subscriber. */
  readonly fanOut: TokenBucket;
}

/** What all sessions of one user may use together. */
export interface UserBudget {
  readonly messages: TokenBucket;
  readonly received: TokenBucket;
  readonly reads: TokenBucket;
  readonly fanOut: TokenBucket;
  /** Documents that they create. */
  readonly documents: TokenBucket;
}

export type BudgetConfig = Pick<
  Config,
  | 'maxMessagesPerMinute'
  | 'maxUserMessagesPerMinute'
  | 'maxReceivedBytesPerSecond'
  | 'maxUserReceivedBytesPerSecond'
  | 'maxRefusalsPerMinute'
  | 'maxAwarenessBytesPerSecond'
  | 'maxReadBytesPerSecond'
  | 'maxUserReadBytesPerSecond'
  | 'maxFanOutBytesPerSecond'
  | 'maxUserDocumentsPerHour'
>;

/** Seconds of its rate that may be used at once. */
const RECEIVED_BURST_SECONDS = 4;
const AWARENESS_BURST_SECONDS = 8;
const FAN_OUT_BURST_SECONDS = 4;
/** Messages that may come at once: as many as in so many seconds, or so few that it does not matter. */
const MESSAGES_BURST_SECONDS = 20;
const FEW_MESSAGES = 1_000;

/** Gives sessions and users what they may use. */
export class Budgets {
  readonly #config: BudgetConfig;

  constructor(config: BudgetConfig) {
    this.#config = config;
  }

  /** @param now Milliseconds of the monotonic clock. */
  ofSession(now: number): SessionBudget {
    const config = this.#config;
    return {
      messages: messageBucket(config.maxMessagesPerMinute, now),
      received: perSecond(config.maxReceivedBytesPerSecond, RECEIVED_BURST_SECONDS, now),
      refusals: perMinute(config.maxRefusalsPerMinute, now),
      reads: perSecond(config.maxReadBytesPerSecond, READ_BURST_SECONDS, now),
      awareness: perSecond(config.maxAwarenessBytesPerSecond, AWARENESS_BURST_SECONDS, now),
      fanOut: perSecond(config.maxFanOutBytesPerSecond, FAN_OUT_BURST_SECONDS, now),
    };
  }

  /** @param now Milliseconds of the monotonic clock. */
  ofUser(now: number): UserBudget {
    const config = this.#config;
    return {
      messages: messageBucket(config.maxUserMessagesPerMinute, now),
      received: perSecond(config.maxUserReceivedBytesPerSecond, RECEIVED_BURST_SECONDS, now),
      reads: perSecond(config.maxUserReadBytesPerSecond, READ_BURST_SECONDS, now),
      fanOut: perSecond(config.maxFanOutBytesPerSecond, FAN_OUT_BURST_SECONDS, now),
      documents: new TokenBucket(config.maxUserDocumentsPerHour / 3_600, config.maxUserDocumentsPerHour, now),
    };
  }
}

/** Whether nothing of it is in use, so that a new budget is as good. */
export function isUnused(budget: UserBudget, now: number): boolean {
  return Object.values(budget).every((bucket: TokenBucket) => bucket.isFull(now));
}

function perSecond(rate: number, burstSeconds: number, now: number): TokenBucket {
  return new TokenBucket(rate, rate * burstSeconds, now);
}

function messageBucket(amount: number, now: number): TokenBucket {
  const burst = Math.min(amount, Math.max(FEW_MESSAGES, (amount / 60) * MESSAGES_BURST_SECONDS));
  return new TokenBucket(amount / 60, burst, now);
}
