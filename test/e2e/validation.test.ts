/** What the operator's schemas forbid is refused on every way of writing, before anybody sees it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { client, folder, server } from '../support/nodes/fixture.js';
import { database } from '../support/postgres/postgres.js';
import { runCli } from '../support/nodes/run-cli.js';
import { startServer } from '../support/nodes/server.js';

const todo = {
  'x-document-prefix': 'todo:',
  required: ['title'],
  properties: { title: { type: 'string' }, done: { type: 'boolean' } },
  additionalProperties: false,
};

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`a write that a schema forbids is refused whole, over socket and HTTP, and shown to nobody (${storage})`, async (t) => {
    const schemas = await folder(t);
    await writeFile(join(schemas, 'todo.json'), JSON.stringify(todo));
    const env = storage === 'lmdb' ? {} : { DATABASE_URL: (await database(t)).url };
    const to = await server(t, { ...env, SCHEMA_DIR: schemas });
    const [writer, reader] = [await client(t, to), await client(t, to)];
    await reader.subscribe('todo:1');
    await writer.acked(writer.set('todo:1', 'title', 'first'));

    const wrong = await writer.refused(writer.set('todo:1', 'title', 7));
    t.equal(wrong['error'], 'Validation failed: /title must be string');
    t.equal(wrong.details['code'], 'VALIDATION_FAILED');
    const whole = writer.send('delta_batch', {
      documentId: 'todo:1',
      deltas: [
        { documentId: 'todo:1', field: 'done', value: true },
        { documentId: 'todo:1', field: 'other', value: 1 },
      ],
    });
    t.equal((await writer.refused(whole))['error'], 'Validation failed: /other must NOT have additional properties');
    const removed = writer.set('todo:1', 'title', { __deleted: true });
    t.equal((await writer.refused(removed))['error'], 'Validation failed: /title is required');

    const body = JSON.stringify({ done: 'yes' });
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    const patched = await fetch(`${to.http}/documents/todo:1`, { method: 'PATCH', headers, body });
    t.equal(patched.status, 422);
    t.strictSame(await patched.json(), {
      error: 'Validation failed: /done must be boolean',
      code: 'VALIDATION_FAILED',
    });

    await writer.acked(writer.set('todo:1', 'done', false));
    await writer.acked(writer.set('note:1', 'title', 7));
    await reader.expect('what is allowed', (m) => m['field'] === 'done' && m['value'] === false);
    const seen = new Set(reader.received('delta').map((m) => `${String(m['field'])}=${String(m['value'])}`));
    t.strictSame(seen, new Set(['title=first', 'done=false']));
    const shown = (await (await fetch(`${to.http}/documents/todo:1`)).json()) as { fields: object };
    t.strictSame(shown.fields, { title: 'first', done: false });
    const metrics = await (await fetch(`${to.http}/metrics`)).text();
    t.match(metrics, /synckit_errors_total\{[^}]*code="VALIDATION_FAILED"[^}]*\} 4/);
  });
}

test('a schema that can’t be used stops the start and check-config with a sentence', async (t) => {
  const schemas = await folder(t);
  await writeFile(join(schemas, 'todo.json'), JSON.stringify({ properties: {} }));
  const env = { SCHEMA_DIR: schemas, SYNCKIT_DATA_DIR: await folder(t) };
  const { code, stderr } = await runCli(env, 'check-config');
  t.equal(code, 1);
  t.match(stderr, /todo\.json: x-document-prefix: /);
  await t.rejects(startServer(env), /todo\.json: x-document-prefix: /);
});
