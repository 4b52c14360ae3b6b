/** The audit log: who did what about access, as lines of the log with `audit: true`, and in a table if that is wanted. */
import type { Logger } from 'pino';
import type { RefusalSampler } from './refusal-sampler.js';
import type { AccountStore, AuditRow } from '../storage/accounts/port.js';

/** What is written down. */
export type AuditEvent =
  | 'sign_in'
  | 'sign_in_refused'
  | 'sign_out'
  | 'token_refreshed'
  | 'token_reused'
  | 'credentials_refused'
  | 'access_ended'
  | 'access_narrowed'
  | 'user_added'
  | 'user_changed'
  | 'user_removed'
  | 'user_granted'
  | 'user_ungranted'
  | 'key_added'
  | 'key_revoked'
  | 'token_revoked'
  | 'user_revoked'
  | 'access_refreshed'
  | 'document_deleted'
  | 'document_restored'
  | 'document_erased'
  | 'document_rolled_back'
  | 'disconnected'
  | 'drain_ordered'
  | 'webhook_retry_ordered'
  | 'admin_refused'
  | 'snapshot_created'
  | 'snapshot_restored'
  | 'snapshot_removed';

export interface AuditDetails {
  /** User id of who did it. */
  readonly actor?: string | undefined;
  /** What it was done to: an id. */
  readonly target?: string | undefined;
  /** Of the client. */
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  /** Why something was refused or ended: a code. */
  readonly reason?: string | undefined;
  /** What was changed, without secrets. */
  readonly change?: object | undefined;
  /** Lines about refused credentials before this one that were not written. */
  readonly skipped?: number;
}

/** What strangers can cause at will. */
const refusalEvents = new Set<AuditEvent>(['credentials_refused', 'sign_in_refused', 'admin_refused']);

/** Rows that wait for the table; further ones are in the log alone. */
const maxWaiting = 10_000;
const rowsAtOnce = 500;
const retryMs = 1_000;

export class AuditLog {
  readonly #log: Logger;
  readonly #store: Pick<AccountStore, 'addAudit'> | undefined;
  readonly #onDropped: () => void;
  readonly #refusals: RefusalSampler | undefined;
  #waiting: AuditRow[] = [];
  #writing: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param store Undefined: nothing is written to a table.
   * @param refusals Undefined: every line about refused credentials is written.
   * @param onDropped Called for each line that the table does not get.
   */
  constructor(
    log: Logger,
    store: Pick<AccountStore, 'addAudit'> | undefined,
    refusals?: RefusalSampler,
    onDropped: () => void = () => undefined,
  ) {
    this.#refusals = refusals;
    this.#log = log.child({ audit: true });
    this.#store = store;
    this.#onDropped = onDropped;
  }

  write(event: AuditEvent, given: AuditDetails): void {
    let details: AuditDetails = given;
    if (this.#refusals !== undefined && refusalEvents.has(event)) {
      const skipped = this.#refusals.take(given.address ?? '', performance.now());
      if (skipped === undefined) return;
      if (skipped > 0) details = { ...given, skipped };
    }
    this.#log.info({ event, ...details }, 'audit');
    if (this.#store === undefined) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#onDropped();
      return;
    }
    this.#waiting.push({ at: Date.now(), event, details: JSON.stringify(details) });
    this.#writing ??= this.#writeAll(this.#store);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async #writeAll(store: Pick<AccountStore, 'addAudit'>): Promise<void> {
    await Promise.resolve(); // the other lines of this turn join
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.splice(0, rowsAtOnce);
      try {
        await store.addAudit(rows);
      } catch (error) {
        this.#log.warn({ err: error }, 'the audit table can’t be written');
        if (this.#isClosed) break;
        this.#waiting.unshift(...rows);
        await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
      }
    }
    this.#writing = undefined;
  }
}
