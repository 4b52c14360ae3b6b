/** Requests that wait for changes. */
import { test } from 'tap';
import { Changes } from '../../src/changes/changes.js';
import { ProtocolError } from '../../src/errors.js';
import { until } from '../support/nodes/server.js';

test('who has gone, or may see nothing any more, waits no longer', { timeout: 30_000 }, async (t) => {
  let looks = 0;
  const thread = {
    read: () => Promise.resolve({ entries: [], cursor: 'c' }),
    end: () => Promise.resolve('c'),
    newest: () => {
      looks++;
      return Promise.resolve('c');
    },
  };
  const changes = new Changes({ thread, maxWaiting: 2 });
  const waitMs = 3_600_000;
  let isGone = false;
  const maySee = (): (() => boolean) => {
    if (isGone) throw new ProtocolError('TOKEN_REVOKED');
    return () => true;
  };
  const gone = t.rejects(changes.read({ after: 'c', limit: 10, waitMs, maySee }), { code: 'TOKEN_REVOKED' });
  const stays = changes.read({ after: 'c', limit: 10, waitMs, maySee: () => () => true });
  await until('both wait', () => changes.waiting === 2);
  await until('nothing is new', () => looks > 2 && changes.waiting === 2);
  isGone = true;
  await gone;
  t.equal(changes.waiting, 1);
  changes.close();
  t.strictSame(await stays, { entries: [], cursor: 'c', hasMore: false });
  t.equal(changes.waiting, 0);
});
