import type { Config } from '../../../config/load.js';
import { READ_BURST_SECONDS } from './read-admission.js';
import { perMinute, Rate, TokenBucket } from './token-bucket.js';

/** The rates that sessions and users have in common. */
interface Rates {
  readonly messages: Rate;
  readonly received: Rate;
  readonly reads: Rate;
  readonly fanOut: Rate;
}

interface SessionRates extends Rates {
  readonly refusals: Rate;
  readonly awareness: Rate;
}

interface UserRates extends Rates {
  readonly documents: Rate;
}

/** Buckets are made when they are used: most clients use few of them, and there may be very many clients. */
class Budget<R extends Rates> {
  protected readonly rates: R;
  #messages: TokenBucket | undefined;
  #received: TokenBucket | undefined;
  #reads: TokenBucket | undefined;
  #fanOut: TokenBucket | undefined;

  constructor(rates: R) {
    this.rates = rates;
  }

  get messages(): TokenBucket {
    return (this.#messages ??= new TokenBucket(this.rates.messages));
  }

  /** Bytes of messages. */
  get received(): TokenBucket {
    return (this.#received ??= new TokenBucket(this.rates.received));
  }

  /** Bytes of documents that are read. */
  get reads(): TokenBucket {
    return (this.#reads ??= new TokenBucket(this.rates.reads));
  }

  /** Bytes of writes, once for each subscriber. */
  get fanOut(): TokenBucket {
    return (this.#fanOut ??= new TokenBucket(this.rates.fanOut));
  }

  /** Whether nothing of it is in use, so that a new budget is as good. @param now Milliseconds of the monotonic clock. */
  isUnused(now: number): boolean {
    return (
      isFull(this.#messages, now) &&
      isFull(this.#received, now) &&
      isFull(this.#reads, now) &&
      isFull(this.#fanOut, now)
    );
  }
}

/** What one session may use. */
export class SessionBudget extends Budget<SessionRates> {
  #refusals: TokenBucket | undefined;
  #awareness: TokenBucket | undefined;

  /** Refused messages. */
  get refusals(): TokenBucket {
    return (this.#refusals ??= new TokenBucket(this.rates.refusals));
  }

  /** Bytes of awareness updates. */
  get awareness(): TokenBucket {
    return (this.#awareness ??= new TokenBucket(this.rates.awareness));
  }

  override isUnused(now: number): boolean {
    return super.isUnused(now) && isFull(this.#refusals, now) && isFull(this.#awareness, now);
  }
}

/** What all sessions of one user may use together. */
export class UserBudget extends Budget<UserRates> {
  #documents: TokenBucket | undefined;

  /** Documents that are created. */
  get documents(): TokenBucket {
    return (this.#documents ??= new TokenBucket(this.rates.documents));
  }

  override isUnused(now: number): boolean {
    return super.isUnused(now) && isFull(this.#documents, now);
  }
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
  readonly #session: SessionRates;
  readonly #user: UserRates;

  constructor(config: BudgetConfig) {
    const fanOut = perSecond(config.maxFanOutBytesPerSecond, FAN_OUT_BURST_SECONDS);
    this.#session = {
      messages: messageRate(config.maxMessagesPerMinute),
      received: perSecond(config.maxReceivedBytesPerSecond, RECEIVED_BURST_SECONDS),
      refusals: perMinute(config.maxRefusalsPerMinute),
      reads: perSecond(config.maxReadBytesPerSecond, READ_BURST_SECONDS),
      awareness: perSecond(config.maxAwarenessBytesPerSecond, AWARENESS_BURST_SECONDS),
      fanOut,
    };
    this.#user = {
      messages: messageRate(config.maxUserMessagesPerMinute),
      received: perSecond(config.maxUserReceivedBytesPerSecond, RECEIVED_BURST_SECONDS),
      reads: perSecond(config.maxUserReadBytesPerSecond, READ_BURST_SECONDS),
      fanOut,
      documents: new Rate(config.maxUserDocumentsPerHour / 3_600, config.maxUserDocumentsPerHour),
    };
  }

  ofSession(): SessionBudget {
    return new SessionBudget(this.#session);
  }

  ofUser(): UserBudget {
    return new UserBudget(this.#user);
  }
}

function isFull(bucket: TokenBucket | undefined, now: number): boolean {
  return bucket === undefined || bucket.isFull(now);
}

function perSecond(rate: number, burstSeconds: number): Rate {
  return new Rate(rate, rate * burstSeconds);
}

function messageRate(perMinute: number): Rate {
  return new Rate(
    perMinute / 60,
    Math.min(perMinute, Math.max(FEW_MESSAGES, (perMinute / 60) * MESSAGES_BURST_SECONDS)),
  );
}
