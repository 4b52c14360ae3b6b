/** The part of a node that has to do with the feed of changes. */
import { Changes } from '../changes/changes.js';
import { ChangesThread } from '../changes/changes-thread.js';
import type { DeliveryStatus } from '../changes/webhooks/tally.js';
import { UserChanges } from '../changes/webhooks/user-changes.js';
import { DocumentUsers } from '../acceptor/fan-out/document-users.js';
import type { Config } from '../config/load.js';
import type { AdminDeps } from '../http/admin/ports.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';

export interface NodeChangesOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly run: string;
  readonly metrics: Pick<AcceptorMetrics, 'changesPruned' | 'webhookDeliveries' | 'webhookLatency'>;
}

const nothing: DeliveryStatus = {
  ...{ isDelivering: false, isPaused: false, pending: 0, failing: 0, oldestAt: undefined, dead: 0 },
  ...{ delivered: 0, failed: 0, died: 0, latencies: [] },
};

/** How often the thread is asked what it has done, in ms. */
const STATUS_MS = 1_000;
/** How often it is told of users, and of how many at most. */
const TELL_MS = 100;
const MOST_USERS = 1_000;

export class NodeChanges {
  readonly changes: Changes;
  /** Undefined where nobody is told. */
  readonly webhook: AdminDeps['webhook'];
  /** Undefined where nobody is told of users. */
  readonly users: DocumentUsers | undefined;
  readonly #userChanges: UserChanges | undefined;
  readonly #options: NodeChangesOptions;
  readonly #thread: ChangesThread | undefined;
  #timer: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;
  #deliveries: DeliveryStatus = nothing;

  constructor(options: NodeChangesOptions) {
    this.#options = options;
    const { config, run } = options;
    const { changes, storage, webhook } = config;
    const log = options.log.child({ part: 'changes' });
    if (changes !== undefined) {
      const data = { storage, run, retention: changes, webhook };
      const thread = (this.#thread = new ChangesThread({ data, log, timeoutMs: config.httpTimeoutMs }));
      if (webhook !== undefined) {
        this.webhook = {
          status: () => this.#deliveries,
          dead: (after, limit) => thread.dead(after, limit),
          retry: (documentId) => thread.retry(documentId),
        };
        const [told, gone] = [webhook.events.includes('user.connected'), webhook.events.includes('user.disconnected')];
        if (told || gone) {
          const changes = (this.#userChanges = new UserChanges(webhook));
          this.users = new DocumentUsers((documentId, userId, isThere) => {
            changes.changed(documentId, userId, isThere);
          });
        }
      }
    }
    this.changes = new Changes({ thread: this.#thread, maxWaiting: config.maxChangeReaders });
  }

  /** Of this node, about a second ago. */
  get deliveries(): DeliveryStatus {
    return this.#deliveries;
  }

  /** Makes the database record commits, or not, before the first one. @throws Error when it can't. */
  async start(): Promise<void> {
    const { config, log } = this.#options;
    if (config.storage.kind === 'postgres')
      await recordInPostgres(config.storage.url, config.changes !== undefined, log);
    await this.#thread?.start();
    if (this.#thread !== undefined) this.#timer = setInterval(() => void this.#count(), STATUS_MS).unref();
    if (this.users !== undefined) this.#telling = setInterval(() => void this.#tell(), TELL_MS).unref();
  }

  /** Who has come or gone in the meantime. */
  async #tell(): Promise<void> {
    const { events = [] } = this.#options.config.webhook ?? {};
    const due = this.#userChanges?.take(MOST_USERS) ?? [];
    const wanted = due.filter(({ isThere }) => events.includes(isThere ? 'user.connected' : 'user.disconnected'));
    if (wanted.length === 0) return;
    try {
      await this.#thread?.tell(wanted);
    } catch {
      this.#options.metrics.webhookDeliveries('dropped').add(wanted.length);
    }
  }

  /** Answers those who wait for changes. */
  drain(): void {
    this.changes.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#telling);
    this.changes.close();
    await this.#thread?.close();
  }

  async #count(): Promise<void> {
    try {
      const status = await this.#thread?.status();
      if (status === undefined) return;
      const { metrics, log } = this.#options;
      metrics.changesPruned.add(status.pruned);
      metrics.webhookDeliveries('dropped').add(status.dropped + (this.#userChanges?.takeDropped() ?? 0));
      for (const problem of status.problems) log.error(problem);
      if (status.deliveries === undefined) return;
      const { delivered, failed, died, latencies } = (this.#deliveries = status.deliveries);
      metrics.webhookDeliveries('delivered').add(delivered);
      metrics.webhookDeliveries('failed').add(failed);
      metrics.webhookDeliveries('dead').add(died);
      for (const ms of latencies) metrics.webhookLatency.observe(ms / 1_000);
    } catch {
      // It is logged, and asked again.
    }
  }
}

async function recordInPostgres(url: string, wanted: boolean, log: Logger): Promise<void> {
  const { setRecording } = await import('../storage/postgres/changes/recording.js');
  try {
    const isOn = await setRecording(url, wanted);
    if (isOn && !wanted)
      log.info('commits are recorded in the feed of changes: another node wants it, or did so just now');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (wanted) throw new Error(`CHANGES_FEED can't be turned on in the database: ${reason}`, { cause });
    log.warn({ reason }, 'the feed of changes can’t be turned off in the database');
  }
}
