/** An erasure that an operator's trigger refuses: nothing is done of it, and the log says why. */
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { secret, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';

const refuse = `
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not here'; END $$`;
const triggers = {
  documents: `CREATE TRIGGER refuse BEFORE UPDATE OF erased_at, deleted_at ON documents
    FOR EACH ROW EXECUTE FUNCTION refuse()`,
  fields: 'CREATE TRIGGER refuse BEFORE DELETE ON fields FOR EACH ROW EXECUTE FUNCTION refuse()',
  snapshots: 'CREATE TRIGGER refuse BEFORE DELETE ON snapshots FOR EACH ROW EXECUTE FUNCTION refuse()',
};

for (const [table, trigger] of Object.entries(triggers)) {
  test(`DEL2 an erasure that is refused in ${table} leaves the document and its snapshots`, async (t) => {
    const { url, query } = await database(t);
    const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: url });
    const backend = new Backend(to);
    await backend.status('PATCH', '/documents/d', { a: 1 });
    t.equal(await backend.status('POST', '/snapshots/d'), '200');
    await query(refuse);
    await query(trigger);
    t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '503 STORAGE_UNAVAILABLE');
    const failed = to.log.find(({ msg }) => msg.includes('a request about whole documents failed'));
    t.match(failed, { level: 'error', err: { message: /P0001/ } });
    t.strictSame(await backend.fields('d'), { a: 1 });
    t.equal(await backend.status('GET', '/snapshots/d/latest'), '200');
    t.equal(await backend.status('PATCH', '/documents/d', { b: 2 }), '204', 'it is written as before');

    await query(`DROP TRIGGER refuse ON ${table}`);
    t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '204');
    t.equal(await backend.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
    t.strictSame(await query('SELECT id FROM snapshots'), []);
  });
}
