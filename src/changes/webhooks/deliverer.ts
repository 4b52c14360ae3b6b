/** Delivers events to the webhook: at least once, and those of a document in their order. */
import type { WebhookConfig } from '../../config/load.js';
import type { ChangeFeed } from '../../storage/changes/port.js';
import type { DeliveryStore, FailedEvent } from '../../storage/webhooks/port.js';
import { messageOf, typeOf, type Message } from './event.js';
import { Breaker } from './breaker.js';
import { Outbox } from './outbox.js';
import type { SendResult } from './send.js';
import { DeliveryTally, type DeliveryStatus } from './tally.js';

export interface DelivererOptions extends Omit<WebhookConfig, 'url' | 'secret' | 'timeoutMs'> {
  readonly feed: Pick<ChangeFeed, 'read' | 'end'>;
  readonly store: DeliveryStore;
  /** Names the process. */
  readonly holder: string;
  /** Never rejects. */
  readonly send: (message: Message) => Promise<SendResult>;
  readonly onProblem: (problem: string, error?: unknown) => void;
}

const TICK_MS = 100;
/** Renewals within the time of a lease. */
const RENEWALS = 3;
const PAGE = 500;
/** After the storage has failed. */
const REST_MS = 1_000;

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #tally = new DeliveryTally();
  readonly #breaker = new Breaker();
  readonly #calls = new Set<Promise<void>>();
  /** Undefined while another process delivers. */
  #outbox: Outbox | undefined;
  #revision = -1;
  /** By `performance.now()`. */
  #renewAt = 0;
  #leaseUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Events count from now on, if none have counted before. */
  async start(): Promise<void> {
    const { feed, store } = this.#options;
    if ((await store.cursor()) === undefined) await store.begin(await feed.end());
    this.#tickLater(0);
  }

  /** Ends after the calls that are under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    await Promise.all(this.#calls);
    if (this.#outbox === undefined) return;
    await this.#save(this.#outbox);
    await this.#options.store.release(this.#options.holder);
  }

  /** Also what was counted since it was asked last. */
  takeStatus(): DeliveryStatus {
    return this.#tally.take(this.#outbox, this.#breaker.isOpen);
  }

  #tickLater(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick().then(
        () => {
          this.#tickLater(TICK_MS);
        },
        (error: unknown) => {
          this.#options.onProblem('deliveries to the webhook wait for the storage', error);
          this.#tickLater(REST_MS);
        },
      );
    }, ms);
  }

  async #tick(): Promise<void> {
    if (performance.now() >= this.#renewAt) await this.#renew();
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    await this.#read(outbox);
    this.#send(outbox);
    await this.#save(outbox);
  }

  async #renew(): Promise<void> {
    const { store, holder, leaseMs } = this.#options;
    const asked = performance.now();
    const { isHeld, revision, dead } = await store.lease(holder, leaseMs);
    this.#renewAt = asked + leaseMs / RENEWALS;
    this.#tally.dead = dead;
    if (!isHeld) {
      this.#outbox = undefined;
      return;
    }
    this.#leaseUntil = asked + leaseMs;
    if (this.#outbox !== undefined && revision === this.#revision) return;
    this.#revision = revision;
    const { cursor, failed } = await store.load();
    if (this.#outbox === undefined) {
      const { debounceMs: quietMs, maxWaitMs } = this.#options;
      this.#outbox = new Outbox({ cursor, debounce: { quietMs, maxWaitMs } });
    }
    for (const event of failed) this.#outbox.addFailed(event);
  }

  async #read(outbox: Outbox): Promise<void> {
    const { feed, maxPending, events, onProblem } = this.#options;
    while (outbox.pending < maxPending) {
      const page = await feed.read({ after: outbox.readTo, limit: Math.min(PAGE, maxPending - outbox.pending) });
      if (page === undefined) {
        onProblem('the feed of changes has begun anew: events of before may not have been delivered');
        outbox.beginAnew();
        continue;
      }
      const now = performance.now();
      for (const entry of page.entries) {
        if (events.includes(typeOf(entry))) outbox.add(entry, now);
        else outbox.skip(entry);
      }
      if (page.entries.length === 0) return;
    }
  }

  #send(outbox: Outbox): void {
    for (;;) {
      const now = performance.now();
      // Once it has expired, another process may deliver.
      if (now >= this.#leaseUntil || this.#isStopped) return;
      if (outbox.underWay >= this.#breaker.allows(this.#options.concurrency, now)) return;
      const event = outbox.take(now, Date.now());
      if (event === undefined) return;
      const call = this.#deliver(outbox, event).finally(() => this.#calls.delete(call));
      this.#calls.add(call);
    }
  }

  async #deliver(outbox: Outbox, event: FailedEvent): Promise<void> {
    const { send, maxAttempts, retryMs } = this.#options;
    const begun = performance.now();
    const result = await send(messageOf(event));
    const ended = performance.now();
    this.#tally.called(result.ok, ended - begun);
    if (result.ok) {
      this.#breaker.succeeded();
      outbox.delivered(event);
    } else {
      if (result.isDown) this.#breaker.failed(ended);
      else this.#breaker.succeeded();
      const attempts = event.attempts + 1;
      const failed = { ...event, attempts, reason: result.reason };
      if (attempts >= maxAttempts) outbox.givenUp({ ...failed, nextAt: Date.now() });
      else outbox.failed({ ...failed, nextAt: Date.now() + pauseOf(attempts, retryMs) });
    }
    // What is done is saved with the next tick.
    if (this.#outbox === outbox) this.#send(outbox);
  }

  async #save(outbox: Outbox): Promise<void> {
    const step = outbox.step();
    if (step === undefined) return;
    const isSaved = await this.#options.store.save(this.#options.holder, step, this.#options.maxDead);
    if (!isSaved) {
      this.#outbox = undefined;
      return;
    }
    outbox.saved(step);
    this.#tally.died(step.dead.length);
  }
}

const LONGEST_PAUSE_MS = 3_600_000;

/** With jitter, so that what has failed together is not tried together. */
function pauseOf(attempts: number, retryMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, retryMs * 2 ** (attempts - 1)) * (0.5 + Math.random() / 2);
}
