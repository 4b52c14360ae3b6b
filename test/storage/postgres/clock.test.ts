/** How a host finds out by how much its clock differs from that of a real database. */
import { test } from 'tap';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { serverUrl } from '../../support/postgres/postgres.js';

const trueNow = Date.now;

test('the difference of the clocks is measured, never larger than it is', async (t) => {
  const url = await serverUrl();
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  t.teardown(async () => {
    Date.now = trueNow;
    await storage.close();
  });
  // The database runs on this host; answers take an unknown time.
  const measured = async (aheadMs: number): Promise<number> => {
    Date.now = () => trueNow() + aheadMs;
    const offset = await storage.clockOffset?.();
    Date.now = trueNow;
    return offset ?? NaN;
  };
  t.ok(Math.abs(await measured(0)) <= 1);
  const [ahead, behind] = [await measured(100_000), await measured(-100_000)];
  t.ok(ahead > 50_000 && ahead <= 100_001, `${ahead} ms ahead`);
  t.ok(behind < -50_000 && behind >= -100_001, `${behind} ms behind`);
});
