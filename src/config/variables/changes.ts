/** The feed of changes, in the configuration table. */
import { flag, integer, secret, webAddress, words } from '../kinds.js';
import { variable } from '../variable.js';

export const changes = {
  changesFeed: variable('CHANGES_FEED', flag(), {
    default: 'false',
    meaning:
      'Whether commits are recorded in the feed of changes, for `GET /changes`; they are with WEBHOOK_URL in any case. It must be the same in all processes that share a storage. What was not recorded makes all cursors expire. With Postgres, the role of the server must own the table `documents` at the first start with it, and each process takes up to two connections more than DB_POOL_MAX, or four with WEBHOOK_URL.',
  }),
  maxChangeAgeMs: variable('CHANGES_MAX_AGE_MS', integer(60_000), {
    default: '604800000',
    unit: 'ms',
    meaning: 'Entries of the feed that are older are removed. Who has read nothing for longer must begin anew.',
  }),
  maxChangeEntries: variable('CHANGES_MAX_ENTRIES', integer(100), {
    default: '1000000',
    meaning:
      'Most entries of the feed, which has one for each document that has changed. Beyond it, the oldest are removed.',
  }),
  maxChangeReaders: variable('CHANGES_MAX_WAITING', integer(1, 900), {
    default: '100',
    meaning: 'Requests to `GET /changes` of this process that wait for a change at a time. Further ones are refused.',
  }),
  webhookUrl: variable('WEBHOOK_URL', webAddress(), {
    defaultWords: 'none: nobody is told',
    meaning:
      'Where the application is told of changes of documents, by POST. It must be the same in all processes that share a storage.',
    example: 'https://app.example.com/synckit/events',
  }),
  webhookSecret: variable('WEBHOOK_SECRET', secret(32), {
    defaultWords: 'none; needed with WEBHOOK_URL',
    meaning:
      'Signs the calls to WEBHOOK_URL, by the Standard Webhooks specification: a text, or `whsec_` and bytes in base64.',
    secret: true,
  }),
  webhookEvents: variable('WEBHOOK_EVENTS', words(), {
    default: 'document.changed,document.deleted',
    meaning:
      'The events that WEBHOOK_URL is told of, separated by commas: `document.changed`, `document.deleted`, and `user.connected` and `user.disconnected`, which are not stored (docs/integration.md).',
  }),
  webhookDebounceMs: variable('WEBHOOK_DEBOUNCE_MS', integer(0, 3_600_000), {
    default: '1000',
    unit: 'ms',
    meaning: 'WEBHOOK_URL is told of a document that has not changed for so long.',
  }),
  webhookMaxWaitMs: variable('WEBHOOK_MAX_WAIT_MS', integer(0, 86_400_000), {
    default: '10000',
    unit: 'ms',
    meaning: 'And of one that keeps changing after so long.',
  }),
  webhookTimeoutMs: variable('WEBHOOK_TIMEOUT_MS', integer(10, 120_000), {
    default: '10000',
    unit: 'ms',
    meaning: 'Longest time for a call to WEBHOOK_URL.',
  }),
  webhookConcurrency: variable('WEBHOOK_CONCURRENCY', integer(1, 256), {
    default: '8',
    meaning: 'Calls to WEBHOOK_URL at a time, of the one process that makes them.',
  }),
  webhookMaxAttempts: variable('WEBHOOK_MAX_ATTEMPTS', integer(1, 100), {
    default: '16',
    meaning:
      'After so many calls an event is given up. `GET /admin/webhooks` lists those, and `POST` lets them be tried again.',
  }),
  webhookRetryMs: variable('WEBHOOK_RETRY_MS', integer(10, 3_600_000), {
    default: '1000',
    unit: 'ms',
    meaning: 'Pause before an event is tried again. It doubles with each attempt, up to an hour.',
  }),
  maxWebhookPending: variable('WEBHOOK_MAX_PENDING', integer(10, 1_000_000), {
    default: '10000',
    meaning:
      'Events in memory that are not delivered yet. Beyond it, others stay in the feed of changes; those of users are dropped.',
  }),
  maxWebhookDead: variable('WEBHOOK_MAX_DEAD', integer(1, 1_000_000), {
    default: '1000',
    meaning: 'Events that were given up and are kept. Beyond it, the oldest are dropped.',
  }),
  webhookLeaseMs: variable('WEBHOOK_LEASE_MS', integer(500, 600_000), {
    default: '10000',
    unit: 'ms',
    meaning: 'When the process that calls WEBHOOK_URL dies, another one takes over after so long.',
  }),
};
