import { test } from 'tap';
import { client, server } from '../support/nodes/fixture.js';

test('FAN3 a document that costs little to send is not collected for the longest time', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNC_BATCH_DELAY: '60000', SYNC_BATCH_SIZE: '1000' });
  const [writer, reader] = [await client(t, to), await client(t, to)];
  await reader.subscribe('d');
  // With windows of a minute, the second of them would be too late.
  for (let value = 1; value <= 30; value++) {
    writer.set('d', 'f', value);
    await reader.expect(`update ${value}`, ({ type, value: sent }) => type === 'delta' && sent === value);
  }
  const text = await (await fetch(`${to.http}/metrics`)).text();
  const [, flushes] = /^synckit_flush_window_seconds_count (\d+)$/m.exec(text) ?? [];
  t.equal(flushes, '30');
});
