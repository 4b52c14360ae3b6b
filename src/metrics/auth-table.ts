/** The metrics about who is let in. */
import type { MetricSpec } from './spec.js';

export const authMetrics = {
  authentications: {
    name: 'synckit_authentications_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['accepted', 'anonymous', 'failed', 'expired', 'revoked', 'unavailable', 'timeout'] },
    help: 'Authentications by result; expired and revoked count refused credentials and sessions that ended with theirs, unavailable counts those that could not be checked, timeout counts connections that did not authenticate in time.',
  },
  certificateExpiry: {
    name: 'synckit_tls_certificate_expires_at_seconds',
    type: 'gauge',
    owner: 'node',
    help: 'When the certificate in TLS_CERT expires, in seconds since the epoch; 0 without TLS.',
  },
  certificateRenewals: {
    name: 'synckit_tls_renewals_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['renewed', 'unchanged', 'failed'] },
    help: 'Attempts to take another certificate from TLS_CERT and TLS_KEY after SIGHUP, by result. After a failed one the former certificate is used on.',
  },
  verifications: {
    name: 'synckit_verifications_in_progress',
    type: 'gauge',
    owner: 'node',
    help: 'Credentials that are being checked; at most SYNCKIT_MAX_VERIFICATIONS.',
  },
  knownTokens: {
    name: 'synckit_known_tokens',
    type: 'gauge',
    owner: 'node',
    help: 'Valid tokens whose check is remembered; at most SYNCKIT_MAX_KNOWN_TOKENS.',
  },
  heldBytes: {
    name: 'synckit_held_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Bytes of messages that wait until the credentials of their connection, or its access to a document, are checked; at most SYNCKIT_MAX_HELD_BYTES.',
  },
  keyFetches: {
    name: 'synckit_jwks_fetches_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['fetched', 'failed'] },
    help: 'Attempts to fetch the keys of the identity provider from JWT_JWKS_URL, by result.',
  },
  authPollFailures: {
    name: 'synckit_auth_poll_failures_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Failed attempts to read the changes of accounts, keys and revocations. Meanwhile the last known ones count.',
  },
  passwordChecks: {
    name: 'synckit_password_checks',
    type: 'gauge',
    owner: 'node',
    help: 'Passwords that are being checked or wait for it; at most SYNCKIT_MAX_PASSWORD_CHECKS wait.',
  },
  accessCalls: {
    name: 'synckit_access_calls_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['answered', 'failed', 'skipped'] },
    help: 'Questions to ACCESS_URL by result; skipped ones were not sent, because the last ones all failed.',
  },
  accessAnswers: {
    name: 'synckit_access_answers',
    type: 'gauge',
    owner: 'node',
    help: 'Answers of ACCESS_URL that this process keeps; at most ACCESS_MAX_ANSWERS.',
  },
  accessLag: {
    name: 'synckit_access_recheck_lag_seconds',
    type: 'gauge',
    owner: 'node',
    help: 'By how much the oldest answer of ACCESS_URL that is in use is older than ACCESS_RECHECK_MS, because ACCESS_MAX_RECHECKS_PER_SECOND allows no more questions.',
  },
  auditSkipped: {
    name: 'synckit_audit_refusals_skipped_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Audit lines about refused credentials that were not written, because an address had more than SYNCKIT_AUDIT_REFUSALS_PER_SECOND of them, or all had twenty times as many.',
  },
  apiKeys: {
    name: 'synckit_api_keys',
    type: 'gauge',
    owner: 'node',
    help: 'API keys that this process knows, revoked ones included; at most SYNCKIT_MAX_API_KEYS.',
  },
  revocations: {
    name: 'synckit_revocations',
    type: 'gauge',
    owner: 'node',
    help: 'Revocations of tokens, sign-ins and users that are in force; at most SYNCKIT_MAX_REVOCATIONS by administrators.',
  },
  auditDropped: {
    name: 'synckit_audit_rows_dropped_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Audit lines that are in the log and not in the storage, because too many waited to be written there.',
  },
} as const satisfies Record<string, MetricSpec>;
