import { TextCore } from '@synckit/core-wasm';
import { test } from 'tap';
import type { Origin } from '../../../src/messages/task.js';
import { KnownUpdates } from '../../../src/shard/text/known-updates.js';
import { TextJoin, type LoadedText } from '../../../src/shard/text/text-join.js';
import { TextReplica } from '../../support/clients/text-replica.js';

test('a client that changes its name with each message makes no entry large, and hides nobody', (t) => {
  const core = new TextCore();
  const text: LoadedText = { handle: core.open(), stored: 0, updates: new KnownUpdates() };
  const join = new TextJoin(core, () => text, true);
  const replica = new TextReplica('client');
  const write = (userId: string, clientId: string): void => {
    replica.insert(replica.length, 'x');
    const state = Buffer.from(JSON.stringify(replica.state()).slice(1, -1));
    join.apply({ state, clientId, clock: undefined, clockMax: 0 }, { session: 1 } as Origin, userId);
  };
  for (let i = 0; i < 200; i++) write('ann', `client-${i}`);
  write('bob', 'phone');
  const authors = text.authors ?? [];
  t.ok(authors.length < 40, `${authors.length} authors`);
  t.strictSame(authors.slice(-2), [{ userId: 'ann' }, { userId: 'bob' }]);
  t.strictSame(authors[0], { userId: 'ann', clientId: 'client-0' });
  t.end();
});
