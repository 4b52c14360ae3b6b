/** The variables about the application that decides who may do what. */
import { integer, oneOf, secret, webAddress } from '../kinds.js';
import { variable } from '../variable.js';

export const access = {
  accessUrl: variable('ACCESS_URL', webAddress(), {
    defaultWords: 'none: the permissions of the token count',
    meaning:
      'Where the application is asked who may do what: on connect and at the first use of a document. What it answers counts instead of the permissions of the token.',
    example: 'https://app.example.com/synckit/access',
  }),
  accessSecret: variable('ACCESS_SECRET', secret(32), {
    defaultWords: 'none; needed with ACCESS_URL',
    meaning: 'Signs the calls to ACCESS_URL, so that the application can tell them from others.',
    secret: true,
  }),
  accessTimeoutMs: variable('ACCESS_TIMEOUT_MS', integer(10, 60_000), {
    default: '2000',
    unit: 'ms',
    meaning: 'Longest time for a call to ACCESS_URL.',
  }),
  accessTtlMs: variable('ACCESS_TTL_MS', integer(100, 86_400_000), {
    default: '60000',
    unit: 'ms',
    meaning:
      'How long an answer counts that has no `ttlMs`. After that it does not count any more, and is asked for anew where it is needed.',
  }),
  accessRecheckMs: variable('ACCESS_RECHECK_MS', integer(0, 86_400_000), {
    default: '4000',
    unit: 'ms',
    meaning:
      'How old an answer may become that an open connection uses, whatever its `ttlMs`: then it is asked for anew, so that what the application takes away ends soon. 0 = only when its `ttlMs` is over.',
  }),
  accessRechecksPerSecond: variable('ACCESS_MAX_RECHECKS_PER_SECOND', integer(1, 100_000), {
    default: '200',
    meaning:
      'Most questions a second that a node asks because of ACCESS_RECHECK_MS and `POST /admin/access/refresh`. Where more answers are in use than that allows, they become older: synckit_access_recheck_lag_seconds says by how much.',
  }),
  accessWhenAway: variable('ACCESS_WHEN_AWAY', oneOf('last', 'deny', 'token'), {
    default: 'last',
    meaning:
      'What counts while ACCESS_URL does not answer. `last`: the last answer, for ACCESS_STALE_MS; who has none is refused with AUTH_UNAVAILABLE. `deny`: everybody is refused with that. `token`: the permissions of the token.',
  }),
  accessStaleMs: variable('ACCESS_STALE_MS', integer(0, 604_800_000), {
    default: '300000',
    unit: 'ms',
    meaning: 'With ACCESS_WHEN_AWAY=last: how long an answer counts beyond its time.',
  }),
  accessMaxCalls: variable('ACCESS_MAX_CALLS', integer(1, 10_000), {
    default: '64',
    meaning: 'Most calls to ACCESS_URL at a time. Sixteen times as many wait; further ones count as not answered.',
  }),
  accessMaxAnswers: variable('ACCESS_MAX_ANSWERS', integer(100, 10_000_000), {
    default: '100000',
    meaning: 'Most answers that a node keeps: one per user and document.',
  }),
};
