import { test } from 'tap';
import { Connections, type Connection } from '../../../src/storage/postgres/connection/connection.js';
import { PostgresLifecycle } from '../../../src/storage/postgres/lifecycle.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { change, row } from '../../contract/storage-rows.js';
import { database } from '../../support/postgres/postgres.js';

/** Lets something happen between the statements of a page. */
class SlowConnections extends Connections {
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  override use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result> {
    return super.use((connection) =>
      action({
        query: async (statement: Parameters<Connection['query']>[0]) => {
          const rows = await connection.query(statement);
          await this.meanwhile();
          return rows;
        },
      }),
    );
  }
}

test('documents that come between the statements of a page do not make others come twice', async (t) => {
  const { url } = await database(t);
  await migrate(url);
  const options = { url, minConnections: 1, maxConnections: 2, statementTimeoutMs: 60_000 };
  const storage = openPostgresStorage(options);
  const connections = new SlowConnections(options);
  t.teardown(async () => {
    await connections.close();
    await storage.close();
  });
  const ids = Array.from({ length: 5_000 }, (_, i) => `d${String(i).padStart(4, '0')}`);
  for (let i = 0; i < ids.length; i += 1_000) {
    await storage.commit(ids.slice(i, i + 1_000).map((id) => change(id, [row()])));
  }
  // Of one page that passes over all but the last.
  await connections.use((connection) =>
    connection.query({ name: '', text: `UPDATE documents SET deleted_at = now() WHERE id < 'd4999'`, values: [] }),
  );
  connections.meanwhile = async () => {
    connections.meanwhile = () => Promise.resolve();
    await storage.commit([change('a', [row()])]);
  };
  const lifecycle = new PostgresLifecycle(connections, () => undefined);
  const seen: string[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await lifecycle.list({ prefix: '', after, limit: 10, state: 'present' });
    seen.push(...page.documents.map(({ id }) => id));
    after = page.next;
  }
  t.strictSame(seen, ['d4999']);
});
