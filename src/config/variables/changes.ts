/** The feed of changes, in the configuration table. */
import { flag, integer } from '../kinds.js';
import { variable } from '../variable.js';

export const changes = {
  changesFeed: variable('CHANGES_FEED', flag(), {
    default: 'false',
    meaning:
      'Whether commits are recorded in the feed of changes, for `GET /changes`. It must be the same in all processes that share a storage. What was not recorded makes all cursors expire. With Postgres, the role of the server must own the table `documents` at the first start with it.',
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
};
