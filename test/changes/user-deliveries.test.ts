/** Telling the webhook of users who come and go. */
import { test } from 'tap';
import { UserDeliveries } from '../../src/changes/webhooks/user-deliveries.js';
import { until } from '../support/nodes/server.js';

test('the end of the node does not wait for the pause before another attempt', { timeout: 30_000 }, async (t) => {
  let calls = 0;
  const deliveries = new UserDeliveries({
    send: () => {
      calls++;
      return Promise.resolve({ ok: false, reason: 'the answer is 500', isDown: true });
    },
    ...{ concurrency: 2, retryMs: 3_600_000, maxPending: 10, run: 'run' },
  });
  deliveries.add([{ documentId: 'd', userId: 'u', isThere: true, at: 1 }]);
  await until('the first attempt', () => calls === 1);
  await deliveries.stop();
  t.equal(calls, 1);
  t.equal(deliveries.takeDropped(), 1);
});
