/** What the thread of the changes has open: the feed, its pruning, and the deliveries to the webhook. */
import type { ChangeFeed } from '../storage/changes/port.js';
import type { DeliveryStore } from '../storage/webhooks/port.js';
import { openDeliveries } from './open-deliveries.js';
import { openFeed } from './open-feed.js';
import { Pruning } from './pruning.js';
import type { ChangesStatus, ChangesThreadData } from './requests.js';
import { Deliverer } from './webhooks/deliverer.js';
import type { Message } from './webhooks/event.js';
import { send, type SendResult } from './webhooks/send.js';
import type { UserChange } from './webhooks/user-changes.js';
import { UserDeliveries } from './webhooks/user-deliveries.js';

/** Sentences that are kept until somebody asks for them. */
const MOST_PROBLEMS = 10;

interface Webhook {
  readonly store: DeliveryStore;
  readonly deliverer: Deliverer;
  readonly users: UserDeliveries;
}

export class ChangesWork {
  readonly feed: ChangeFeed;
  readonly #pruning: Pruning;
  readonly #webhook: Webhook | undefined;
  readonly #problems: string[];

  private constructor(feed: ChangeFeed, pruning: Pruning, webhook: Webhook | undefined, problems: string[]) {
    this.feed = feed;
    this.#pruning = pruning;
    this.#webhook = webhook;
    this.#problems = problems;
  }

  /** Opens all of it, and begins. @throws Error when the storage can't be opened. */
  static async open({ storage, run, retention, webhook }: ChangesThreadData): Promise<ChangesWork> {
    const problems: string[] = [];
    const onProblem = (problem: string, error?: unknown): void => {
      const reason = error instanceof Error ? `: ${error.message}` : '';
      if (problems.length < MOST_PROBLEMS) problems.push(`${problem}${reason}`);
    };
    const feed = await openFeed(storage, run);
    let delivering: Webhook | undefined;
    if (webhook !== undefined) {
      const store = await openDeliveries(storage);
      const call = (message: Message): Promise<SendResult> => send(webhook, message);
      const deliverer = new Deliverer({
        ...webhook,
        ...{ feed, store, holder: run, onProblem },
        send: call,
      });
      await deliverer.start();
      delivering = { store, deliverer, users: new UserDeliveries({ ...webhook, run, send: call }) };
    }
    const pruning = new Pruning({
      ...{ feed, ...retention },
      // What was not delivered is needed.
      keepAfter: async () => delivering?.store.cursor(),
      onFailed: (error) => {
        onProblem('the feed of changes could not be pruned', error);
      },
    });
    pruning.start();
    return new ChangesWork(feed, pruning, delivering, problems);
  }

  /** @throws Error where nobody is told. */
  get deliveries(): DeliveryStore {
    if (this.#webhook === undefined) throw new Error('WEBHOOK_URL is not set');
    return this.#webhook.store;
  }

  /** Users who have come or gone. */
  tell(changes: readonly UserChange[]): void {
    this.#webhook?.users.add(changes);
  }

  takeStatus(): ChangesStatus {
    return {
      dropped: this.#webhook?.users.takeDropped() ?? 0,
      pruned: this.#pruning.takePruned(),
      deliveries: this.#webhook?.deliverer.takeStatus(),
      problems: this.#problems.splice(0),
    };
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    await this.#pruning.stop();
    await this.#webhook?.users.stop();
    await this.#webhook?.deliverer.stop();
    await this.#webhook?.store.close();
    await this.feed.close();
  }
}
