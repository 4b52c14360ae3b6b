/** The bounds of removed fields in the configuration table. */
import { duration, integer, size } from '../kinds.js';
import { variable } from '../variable.js';

const purged =
  'Beyond it, the oldest are purged: from then on, older writes to fields that do not exist have no effect, and clients that were away since then get the whole state.';

export const tombstones = {
  maxTombstones: variable('SYNC_MAX_TOMBSTONES', integer(1, 1_000_000), {
    default: '10000',
    meaning: `Most removed fields whose names one document keeps. ${purged}`,
  }),
  maxTombstoneBytes: variable('SYNC_MAX_TOMBSTONE_BYTES', size(1_024), {
    default: '4MiB',
    unit: 'bytes',
    meaning: 'Memory for the removed fields of one document. Beyond it, the oldest are purged.',
  }),
  maxTombstoneAgeMs: variable('SYNC_TOMBSTONE_AGE', duration(), {
    default: '30d',
    meaning:
      'Time after which a removed field is purged, when its document is written or loaded next. Clients that were away for longer get the whole state.',
  }),
};
