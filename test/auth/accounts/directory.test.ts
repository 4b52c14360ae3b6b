/** What a node learns of changes that other nodes made. */
import pino from 'pino';
import { test } from 'tap';
import { writeOrder, type Order } from '../../../src/auth/accounts/orders.js';
import { Directory, type Changed } from '../../../src/auth/accounts/directory.js';
import { openMemoryAccounts } from '../../../src/storage/accounts/memory.js';

const disconnect = (userId: string): Order => ({ kind: 'disconnect', userId });
const access = JSON.stringify({ userId: 'ann' });

test('who missed changes reads everything, and does what is still listed', async (t) => {
  const store = openMemoryAccounts();
  const orders: Order[] = [];
  const changes: Changed[] = [];
  const directory = new Directory({
    pollMs: 1_000_000,
    log: pino({ enabled: false }),
    onChanged: (changed) => changes.push(changed),
    onOrder: (order) => orders.push(order),
    onPollFailed: () => t.fail('the list can be read'),
  });
  t.teardown(() => directory.close());
  await store.noteChange('order', writeOrder(disconnect('from before the start')));
  await directory.start(store);
  await directory.refresh();
  t.strictSame([orders, changes], [[], []]);

  await store.noteChange('order', writeOrder(disconnect('forgotten')));
  // A day on, the list is empty.
  await store.sweep(Date.now() + 86_400_000, 0);
  await store.revoke({ kind: 'user', id: 'bob', at: 1, expiresAt: undefined }, 9);
  await store.noteChange('access', access);
  await store.noteChange('order', writeOrder(disconnect('ann')));
  await directory.refresh();
  t.strictSame(orders, [disconnect('ann')]);
  t.strictSame(changes, [{ accounts: new Map(), isAll: true, access: [JSON.parse(access)] }]);
  t.equal(directory.revokedAt('user', 'bob'), 1);

  await store.noteChange('order', writeOrder(disconnect('bob')));
  await directory.refresh();
  await directory.refresh();
  t.strictSame(orders, [disconnect('ann'), disconnect('bob')], 'each once');
  t.equal(changes.length, 1, 'an order changes nothing of what sessions may do');
});
