/** What the thread of the changes is asked, as it crosses threads. */
import type { ChangesConfig, StorageConfig, WebhookConfig } from '../config/load.js';
import type { FeedPage, FeedRequest } from '../storage/changes/port.js';
import type { FailedEvent } from '../storage/webhooks/port.js';
import type { DeliveryStatus } from './webhooks/tally.js';
import type { UserChange } from './webhooks/user-changes.js';

/** What the thread is given when it begins. */
export interface ChangesThreadData {
  readonly storage: StorageConfig;
  /** The run of the process. */
  readonly run: string;
  readonly retention: ChangesConfig;
  /** Undefined where nobody is told. */
  readonly webhook: WebhookConfig | undefined;
}

export type ChangesRequest =
  | { readonly kind: 'read'; readonly request: FeedRequest }
  | { readonly kind: 'dead'; readonly after: string; readonly limit: number }
  | { readonly kind: 'users'; readonly changes: readonly UserChange[] }
  | { readonly kind: 'retry'; readonly documentId: string | undefined }
  | { readonly kind: 'start' | 'end' | 'newest' | 'status' | 'close' };

/** What each request comes to. */
export interface ChangesResults {
  readonly start: undefined;
  readonly read: FeedPage | undefined;
  readonly end: string;
  readonly newest: string;
  readonly dead: FailedEvent[];
  readonly retry: number;
  readonly users: undefined;
  readonly status: ChangesStatus;
  readonly close: undefined;
}

/** What the thread has done since it was asked last. */
export interface ChangesStatus {
  /** Entries that were removed from the feed. */
  readonly pruned: number;
  /** Undefined where nobody is told. */
  readonly deliveries: DeliveryStatus | undefined;
  /** Events about users that were not told. */
  readonly dropped: number;
  /** Sentences for the log. */
  readonly problems: readonly string[];
}

/** Failing is an answer too: an error would lose its type between threads. */
export type ChangesAnswer<Kind extends keyof ChangesResults = keyof ChangesResults> =
  | { readonly ok: true; readonly result: ChangesResults[Kind] }
  /** The reason is a sentence for operators. */
  | { readonly ok: false; readonly reason: string };
