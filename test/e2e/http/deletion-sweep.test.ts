/** What erases documents that were deleted for long enough, when something of it fails. */
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { secret, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { until } from '../../support/nodes/server.js';

const refuse = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not now'; END $$`;

test('DEL4 documents that can’t be erased do not keep others from it', async (t) => {
  const { url, query } = await database(t);
  const env = { JWT_SECRET: secret, DATABASE_URL: url, SYNCKIT_DELETED_DOCUMENT_RETENTION: '1s' };
  const backend = new Backend(await server(t, env));
  const bad = Array.from({ length: 7 }, (_, i) => `a${i}`);
  await query(refuse);
  await query(`CREATE TRIGGER refuse BEFORE DELETE ON fields FOR EACH ROW
    WHEN (OLD.document_id LIKE 'a%') EXECUTE FUNCTION refuse()`);
  for (const id of [...bad, 'b']) {
    await backend.status('PATCH', `/documents/${id}`, { a: 1 });
    t.equal(await backend.status('DELETE', `/documents/${id}`), '204');
  }
  await until('the last one to be erased', async () => !(await backend.ids({ deleted: 'true' })).includes('b'));
  t.strictSame(await backend.ids({ deleted: 'true' }), bad);
  await query('DROP TRIGGER refuse ON fields');
  await until('the others', async () => (await backend.ids({ deleted: 'true' })).length === 0);
});

test('DEL4 a document is not erased before its snapshots are', async (t) => {
  const { url, query } = await database(t);
  const env = { JWT_SECRET: secret, DATABASE_URL: url, SYNCKIT_DELETED_DOCUMENT_RETENTION: '1s' };
  const to = await server(t, env);
  const backend = new Backend(to);
  await backend.status('PATCH', '/documents/d', { a: 1 });
  t.equal(await backend.status('POST', '/snapshots/d'), '200');
  await query(refuse);
  await query('CREATE TRIGGER refuse BEFORE DELETE ON snapshots FOR EACH ROW EXECUTE FUNCTION refuse()');
  t.equal(await backend.status('DELETE', '/documents/d'), '204');
  await until('a try', () => to.log.some(({ msg }) => msg === 'a deleted document could not be erased'));
  t.strictSame(await backend.ids({ deleted: 'true' }), ['d'], 'it is tried again');
  await query('DROP TRIGGER refuse ON snapshots');
  await until('its end', async () => (await backend.ids({ deleted: 'true' })).length === 0);
  t.strictSame(await query('SELECT id FROM snapshots'), []);
  t.equal(await backend.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
});
