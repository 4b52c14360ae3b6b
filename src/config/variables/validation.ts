/** The variables about rules that writes must keep. */
import { integer, oneOf, secret, text, webAddress, words } from '../kinds.js';
import { variable } from '../variable.js';

export const validation = {
  schemaDirectory: variable('SCHEMA_DIR', text('the path of a folder', /./), {
    defaultWords: 'none: every value is allowed',
    meaning:
      'Folder of JSON Schemas (`*.json`), each for the documents whose ids begin with its `x-document-prefix`; the longest prefix counts. A write that a schema forbids is refused with `VALIDATION_FAILED` before anybody sees it. The files are read at start (docs/integration.md).',
    example: '/etc/synckit/schemas',
  }),
  validateUrl: variable('VALIDATE_URL', webAddress(), {
    defaultWords: 'none: no application is asked',
    meaning:
      'Where the application is asked about each write of fields before it is merged. What it forbids is refused with `VALIDATION_FAILED` and its reason before anybody sees it (docs/integration.md).',
    example: 'https://app.example.com/synckit/validate',
  }),
  validateSecret: variable('VALIDATE_SECRET', secret(32), {
    defaultWords: 'none; needed with VALIDATE_URL',
    meaning: 'Signs the calls to VALIDATE_URL, so that the application can tell them from others.',
    secret: true,
  }),
  validatePrefixes: variable('VALIDATE_PREFIXES', words(), {
    defaultWords: 'all documents',
    meaning:
      'Beginnings of the ids of the documents whose writes are asked about. Other documents do not wait for VALIDATE_URL.',
    example: 'orders:,invoices:',
  }),
  validateTimeoutMs: variable('VALIDATE_TIMEOUT_MS', integer(10, 60_000), {
    default: '2000',
    unit: 'ms',
    meaning: 'Longest time for a call to VALIDATE_URL.',
  }),
  validateMaxCalls: variable('VALIDATE_MAX_CALLS', integer(1, 10_000), {
    default: '64',
    meaning: 'Most calls to VALIDATE_URL at a time.',
  }),
  validateMaxWaiting: variable('VALIDATE_MAX_WAITING', integer(1, 1_000_000), {
    default: '1024',
    meaning:
      'Most writes that VALIDATE_URL is asked about, or that wait for it, at a time. Further ones are refused with RATE_LIMIT_EXCEEDED.',
  }),
  validateWhenAway: variable('VALIDATE_WHEN_AWAY', oneOf('refuse', 'allow'), {
    default: 'refuse',
    meaning:
      'What becomes of a write while VALIDATE_URL does not answer. `refuse`: it is refused with VALIDATION_UNAVAILABLE, and clients try again. `allow`: it is merged unchecked.',
  }),
};
