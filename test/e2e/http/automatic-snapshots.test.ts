/** Snapshots that a node makes by itself, of documents that are deleted meanwhile. */
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { secret, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

test('a document that is deleted before its automatic snapshot gets none, and others theirs', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, SYNCKIT_SNAPSHOT_INTERVAL_MS: '1000' });
  const backend = new Backend(to);
  for (const id of ['one', 'two', 'three']) {
    await backend.status('PATCH', `/documents/${id}`, { a: 1 });
    t.equal(await backend.status('DELETE', `/documents/${id}`), '204');
  }
  await backend.status('PATCH', '/documents/kept', { a: 1 });
  await until('its snapshot', async () => (await backend.status('GET', '/snapshots/kept/latest')) === '200');
  t.notOk(to.log.some(({ msg }) => msg === 'an automatic snapshot could not be made'));
});
