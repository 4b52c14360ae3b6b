/** The row about budgets: what requests cost, and what waits for its turn. */
import { lines, rate, series } from '../panels.mjs';

const budgets = {
  title: 'Budgets',
  panels: [
    lines(
      'Connections that are not WebSockets',
      'short',
      'Of HTTP clients, and of clients whose handshake is not over. SYNCKIT_MAX_HTTP_CONNECTIONS at most.',
      [{ expr: series('synckit_plain_connections'), legend: '{{instance}}' }],
    ),
    lines(
      'Bytes that wait for clients',
      'bytes',
      'What clients have not received yet, all together. From half of SYNCKIT_MAX_OUTGOING_BYTES on, documents are not sent and clients that take nothing are disconnected; beyond it, those for whom most waits.',
      [{ expr: series('synckit_outgoing_bytes'), legend: '{{instance}}' }],
    ),
    lines('Unfinished chunk sets', 'bytes', 'Of all clients. SYNCKIT_MAX_NODE_CHUNKED_BYTES at most.', [
      { expr: series('synckit_chunked_bytes'), legend: '{{instance}}' },
    ]),
    lines(
      'Bytes of HTTP requests',
      'bytes',
      '“bodies”: requests about documents that are being received or answered. “answers”: documents that wait for HTTP clients to receive them.',
      [{ expr: series('synckit_http_bytes'), legend: '{{place}} {{instance}}' }],
    ),
    lines('Streams of events', 'short', 'Of clients that use no WebSocket. SYNCKIT_MAX_EVENT_STREAMS at most.', [
      { expr: series('synckit_event_streams'), legend: '{{instance}}' },
    ]),
    lines('Remembered answers', 'short', 'To requests with an Idempotency-Key. SYNCKIT_MAX_IDEMPOTENCY_KEYS at most.', [
      { expr: series('synckit_idempotency_keys'), legend: '{{instance}}' },
    ]),
    lines(
      'Reads of documents',
      'bytes',
      'Requests that wait because their session, user or process has used up its rate, and answers that the shards are making.',
      [{ expr: series('synckit_read_bytes'), legend: '{{place}} {{instance}}' }],
    ),
    lines(
      'States of documents for readers',
      'cps',
      'Made for a reader, or made for an earlier one and shared. Many made and none shared: large documents that change all the time are read all the time.',
      [{ expr: rate('synckit_snapshots_total', 'result'), legend: '{{result}}' }],
    ),
    lines(
      'Connections closed for what they sent',
      'cps',
      '“unauthenticated”: too much before authentication. “refusals”: more than SYNCKIT_MAX_REFUSALS_PER_MINUTE of its messages were refused. The log names some of them.',
      [{ expr: rate('synckit_misuse_closes_total', 'reason'), legend: '{{reason}}' }],
    ),
    lines(
      'Documents created',
      'cps',
      'By writes of clients. A user may create SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR; further ones are refused with RATE_LIMIT_EXCEEDED.',
      [{ expr: rate('synckit_documents_created_total', 'instance'), legend: '{{instance}}' }],
    ),
    lines(
      'Documents deleted',
      'ops',
      'By administrators: deleted, restored or erased for good; expired are deleted ones that were erased when their time was over.',
      [{ expr: rate('synckit_document_lifecycle_total', 'event'), legend: '{{event}}' }],
    ),
  ],
};

export const budgetRows = { budgets };
