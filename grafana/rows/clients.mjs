/** The rows about clients: what they send and receive. */
import { lines, quantiles, rate, series, total } from '../panels.mjs';

const connections = {
  title: 'Connections',
  panels: [
    lines(
      'Connections by protocol and state',
      'short',
      'Open WebSocket connections. “connecting” have not authenticated yet; “draining” have been notified that the server stops.',
      [{ expr: total('synckit_connections', 'protocol, state'), legend: '{{protocol}} {{state}}' }],
      { stack: true },
    ),
    lines(
      'Connections per process',
      'short',
      'How evenly the kernel spreads connections over the processes that share the port. Each takes WS_MAX_CONNECTIONS at most.',
      [{ expr: total('synckit_connections', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Connections let in and turned away',
      'cps',
      'Turned away: “capacity” is more than WS_MAX_CONNECTIONS (close code 1013), “address” more than SYNCKIT_MAX_CONNECTIONS_PER_IP (1008), “unauthenticated” more than SYNCKIT_MAX_UNAUTHENTICATED, “rate” too many handshakes or HTTP requests a second from one address, “sockets” more than SYNCKIT_MAX_SOCKETS or SYNCKIT_MAX_HTTP_CONNECTIONS, “origin” a page that may not connect.',
      [
        { expr: rate('synckit_connections_accepted_total'), legend: 'let in' },
        { expr: rate('synckit_connections_rejected_total', 'reason'), legend: 'turned away: {{reason}}' },
      ],
    ),
    lines(
      'Connections ended by close code',
      'cps',
      '1000, 1001 and 1005: the client went. 1006: the connection broke, was silent for too long, or sent a message over WS_MAX_PAYLOAD_BYTES. 1008: authentication. 1012: the server restarts. 1013: credentials could not be checked. 4401: the token was revoked. 4403: access has ended. Those that were turned away are not among them.',
      [{ expr: rate('synckit_connections_closed_total', 'code'), legend: '{{code}}' }],
      { stack: true },
    ),
    lines(
      'Slow consumers disconnected',
      'cps',
      'Clients that did not read what they were sent: more than WS_MAX_BACKPRESSURE_BYTES waited for them. They subscribe again and miss nothing.',
      [{ expr: rate('synckit_backpressure_closes_total', 'instance'), legend: '{{instance}}' }],
      { alertAt: 0.1 },
    ),
    lines(
      'Authentications by result',
      'cps',
      '“anonymous”: no token came and none is needed. “expired” counts tokens shown too late and sessions that outlived theirs. “revoked” counts users, tokens and keys whose access was ended. “unavailable”: the identity provider, the accounts or the application did not answer. “timeout”: nothing came within SYNCKIT_AUTH_TIMEOUT_MS.',
      [{ expr: rate('synckit_authentications_total', 'result'), legend: '{{result}}' }],
      { stack: true },
    ),
    lines(
      'Credentials being checked',
      'short',
      'Tokens with a public key, and credentials whose account is looked up. Up to SYNCKIT_MAX_VERIFICATIONS per process; beyond that they are answered with AUTH_UNAVAILABLE.',
      [{ expr: total('synckit_verifications_in_progress', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Tokens known as valid',
      'short',
      'Tokens that are not checked anew when their clients come back. Up to SYNCKIT_MAX_KNOWN_TOKENS per process; at that, the least recently used are forgotten.',
      [{ expr: total('synckit_known_tokens', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Passwords being checked',
      'short',
      'Sign-ins in progress; each takes a fraction of a second of SYNCKIT_PASSWORD_THREADS. Up to SYNCKIT_MAX_PASSWORD_CHECKS wait; beyond that the answer is 503.',
      [{ expr: total('synckit_password_checks', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'API keys and revocations',
      'short',
      'What each process holds in memory of them: up to SYNCKIT_MAX_API_KEYS and SYNCKIT_MAX_REVOCATIONS.',
      [
        { expr: total('synckit_api_keys', 'instance'), legend: 'keys {{instance}}' },
        { expr: total('synckit_revocations', 'instance'), legend: 'revocations {{instance}}' },
      ],
    ),
    lines(
      'Questions to the application',
      'cps',
      'Calls to ACCESS_URL. “skipped”: not sent, because the last ones all failed; meanwhile ACCESS_WHEN_AWAY counts.',
      [{ expr: rate('synckit_access_calls_total', 'result'), legend: '{{result}}' }],
    ),
    lines(
      'Answers of the application that are kept',
      'short',
      'One per user and document. Up to ACCESS_MAX_ANSWERS per process; beyond that, those that nobody uses are dropped.',
      [{ expr: total('synckit_access_answers', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Days until the certificate expires',
      'short',
      'Of TLS_CERT. A renewed one is taken at SIGHUP; “failed” renewals are named by the log. Negative: it has expired, or there is no TLS.',
      [
        {
          expr: `(${total('synckit_tls_certificate_expires_at_seconds', 'instance')} - time()) / 86400`,
          legend: 'days {{instance}}',
        },
        { expr: rate('synckit_tls_renewals_total', 'result'), legend: 'renewals {{result}}' },
      ],
    ),
    lines(
      'Answers of the application that are older than they should be',
      's',
      'By how much the oldest in use is older than ACCESS_RECHECK_MS. Above 0, raise ACCESS_MAX_RECHECKS_PER_SECOND, or use POST /admin/access/refresh.',
      [{ expr: total('synckit_access_recheck_lag_seconds', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Failures around accounts',
      'cps',
      '“changes”: those of accounts and keys could not be read, so revocations do not count yet. “audit”: lines that the storage did not get. “refusals”: lines about refused credentials that were left out, as there were too many.',
      [
        { expr: rate('synckit_auth_poll_failures_total', 'instance'), legend: 'changes {{instance}}' },
        { expr: rate('synckit_audit_rows_dropped_total', 'instance'), legend: 'audit {{instance}}' },
        { expr: rate('synckit_audit_refusals_skipped_total', 'instance'), legend: 'refusals {{instance}}' },
      ],
    ),
    lines(
      'Messages that wait for credentials',
      'bytes',
      'Sent after credentials or about a document while these are checked. Up to SYNCKIT_MAX_HELD_BYTES per process; beyond that they are refused.',
      [{ expr: total('synckit_held_bytes', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Writes that the application was asked about',
      'cps',
      'By result. “failed”: VALIDATE_URL gave no answer that can be used; “skipped”: it was left alone after several of these; “busy”: refused, as VALIDATE_MAX_WAITING others waited.',
      [{ expr: rate('synckit_validations_total', 'result'), legend: '{{result}}' }],
    ),
    lines(
      'Time until the application has answered about a write',
      's',
      'From the receipt of a write until VALIDATE_URL has answered; its ack is later by that.',
      quantiles('synckit_validation_seconds'),
    ),
    lines(
      'Writes that wait for the application',
      'short',
      'At most VALIDATE_MAX_WAITING per process. “left alone”: 1 while VALIDATE_URL is not asked, because it failed again and again.',
      [
        { expr: total('synckit_validations_waiting', 'instance'), legend: 'waiting {{instance}}' },
        { expr: total('synckit_validation_paused', 'instance'), legend: 'left alone {{instance}}' },
      ],
    ),
    lines(
      'Fetches of the identity provider’s keys',
      'cps',
      'Every JWT_JWKS_REFRESH, and for key ids that are unknown. While all fail, the keys at hand are used for JWT_JWKS_STALE.',
      [{ expr: rate('synckit_jwks_fetches_total', 'result'), legend: '{{result}}' }],
    ),
  ],
};

const messages = {
  title: 'Messages',
  panels: [
    lines(
      'Messages received by type',
      'cps',
      'WebSocket messages from clients; “invalid” are those that are no message of the protocol.',
      [{ expr: rate('synckit_messages_received_total', 'type'), legend: '{{type}}' }],
      { stack: true, width: 12 },
    ),
    lines(
      'Messages sent by type',
      'cps',
      'A published message counts once per subscriber.',
      [{ expr: rate('synckit_messages_sent_total', 'type'), legend: '{{type}}' }],
      { stack: true, width: 12 },
    ),
    lines(
      'Bytes received by type',
      'binBps',
      'Bytes of WebSocket messages, without the frames of WebSocket and TLS.',
      [{ expr: rate('synckit_received_bytes_total', 'type'), legend: '{{type}}' }],
      { stack: true, width: 12 },
    ),
    lines(
      'Bytes sent by type',
      'binBps',
      'Published messages count once per subscriber.',
      [{ expr: rate('synckit_sent_bytes_total', 'type'), legend: '{{type}}' }],
      { stack: true, width: 12 },
    ),
  ],
};

const refusals = {
  title: 'Errors and limits',
  panels: [
    lines(
      'Errors by code',
      'cps',
      'Messages answered with an error; docs/errors.md describes each. INTERNAL is a failure of the server and is in its log; STORAGE_UNAVAILABLE refuses writes. The others are the clients’ doing.',
      [{ expr: rate('synckit_errors_total', 'code'), legend: '{{code}}' }],
      { stack: true, width: 12 },
    ),
    lines(
      'Refusals by limit',
      'cps',
      'Messages answered with RATE_LIMIT_EXCEEDED, by the limit they were over. “queue” is the server’s own: more than SYNCKIT_MAX_QUEUED_BYTES wait for the shards. The others belong to one session each.',
      [{ expr: rate('synckit_limit_rejections_total', 'limit'), legend: '{{limit}}' }],
      { stack: true, width: 12 },
    ),
  ],
};

const awareness = {
  title: 'Awareness',
  panels: [
    lines('Awareness states', 'short', 'Who is there: states held, per process. They are never stored.', [
      { expr: series('synckit_awareness_states'), legend: '{{instance}}' },
      { expr: series('synckit_remote_awareness_states'), legend: '{{instance}}, of other nodes' },
    ]),
    lines('Awareness messages', 'cps', 'Updates from clients, and what was sent to those who follow.', [
      { expr: rate('synckit_messages_received_total', 'type', 'type=~"awareness_.+"'), legend: 'received: {{type}}' },
      { expr: rate('synckit_messages_sent_total', 'type', 'type=~"awareness_.+"'), legend: 'sent: {{type}}' },
    ]),
    lines(
      'Awareness states that ended',
      'cps',
      '“left”: the client left. “disconnected”: its connection ended. “expired”: not renewed for SYNCKIT_AWARENESS_TIMEOUT_MS.',
      [{ expr: rate('synckit_awareness_leaves_total', 'reason'), legend: '{{reason}}' }],
      { stack: true },
    ),
  ],
};

export const clientRows = { connections, messages, refusals, awareness };
