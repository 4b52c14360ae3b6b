/** The configuration of the feed of changes and of the webhook, derived from their variables. */
import type { changes } from './variables/changes.js';
import type { ValueOf } from './variable.js';

type ChangesValues = { readonly [K in keyof typeof changes]: ValueOf<(typeof changes)[K]> };

/** The feed of changes: age in ms and number beyond which entries are removed. */
export interface ChangesConfig {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
}

/** Who is told of changes, and how. */
export interface WebhookConfig {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly WebhookEvent[];
  /** A document that has not changed for so long is told of, and one that keeps changing after the other time. */
  readonly debounceMs: number;
  readonly maxWaitMs: number;
  /** For the whole of a call. */
  readonly timeoutMs: number;
  /** Calls at a time. */
  readonly concurrency: number;
  /** After so many an event is given up. */
  readonly maxAttempts: number;
  /** The pause after the first attempt; it doubles with each. */
  readonly retryMs: number;
  /** Events that are read and not delivered. */
  readonly maxPending: number;
  /** Events that were given up and are kept. */
  readonly maxDead: number;
  /** When the process that delivers has died, another one takes over after so long. */
  readonly leaseMs: number;
}

export const webhookEvents = ['document.changed', 'document.deleted', 'user.connected', 'user.disconnected'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** Undefined where the feed is off. */
export function changesOf(values: ChangesValues): ChangesConfig | undefined {
  const { changesFeed, webhookUrl, maxChangeAgeMs: maxAgeMs, maxChangeEntries: maxEntries } = values;
  return changesFeed || webhookUrl !== undefined ? { maxAgeMs, maxEntries } : undefined;
}

/** Undefined where nobody is told. */
export function webhookOf(values: ChangesValues): WebhookConfig | undefined {
  const { webhookUrl: url, webhookSecret: secret } = values;
  if (url === undefined || secret === undefined) return undefined;
  return {
    ...{ url, secret },
    events: webhookEvents.filter((event) => values.webhookEvents.includes(event)),
    debounceMs: values.webhookDebounceMs,
    maxWaitMs: values.webhookMaxWaitMs,
    timeoutMs: values.webhookTimeoutMs,
    concurrency: values.webhookConcurrency,
    maxAttempts: values.webhookMaxAttempts,
    retryMs: values.webhookRetryMs,
    maxPending: values.maxWebhookPending,
    maxDead: values.maxWebhookDead,
    leaseMs: values.webhookLeaseMs,
  };
}
