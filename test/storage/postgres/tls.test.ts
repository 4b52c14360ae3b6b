import { execFileSync } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { database, ownSessions } from '../../support/postgres/postgres.js';
import { startPostgres } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

test('TLS by sslmode', { skip: openssl ? false : 'needs openssl to make a certificate' }, async (t) => {
  const server = await startPostgres();
  t.teardown(() => server.stop());
  const db = await database(t, server.url);
  await migrate(db.url);
  const [key, certificate] = [join(server.directory, 'server.key'), join(server.directory, 'server.crt')] as const;
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate, ...subject],
    { stdio: 'ignore' },
  );
  const { uid, gid } = await stat(server.directory);
  await chown(key, uid, gid);
  await db.query('ALTER SYSTEM SET ssl = on');
  await db.query('SELECT pg_reload_conf()');

  const isEncrypted = async (parameters: Record<string, string>, host = 'localhost'): Promise<boolean> => {
    const url = new URL(db.url);
    url.hostname = host;
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const options = { minConnections: 1, maxConnections: 1, statementTimeoutMs: 60_000 };
    const storage = openPostgresStorage({ url: url.href, ...options });
    try {
      await storage.load(['doc']);
      const rows = await db.query<{ ssl: boolean }>(
        `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'synckit-server'`,
      );
      return rows[0]!.ssl;
    } finally {
      await storage.close();
      await until(
        'the connection to end',
        async () => (await db.query(`SELECT FROM ${ownSessions} AND application_name = 'synckit-server'`)).length === 0,
      );
    }
  };
  const own = { sslrootcert: certificate };
  await until('TLS to be on', () => isEncrypted({ sslmode: 'require' }).catch(() => false));
  t.equal(await isEncrypted({}), false);
  t.equal(await isEncrypted({ sslmode: 'disable' }), false);
  t.equal(await isEncrypted({ sslmode: 'require' }, '127.0.0.1'), true, 'require does not look at the certificate');
  await t.rejects(isEncrypted({ sslmode: 'verify-full' }), /self.signed/);
  t.equal(await isEncrypted({ sslmode: 'verify-full', ...own }), true);
  await t.rejects(isEncrypted({ sslmode: 'verify-full', ...own }, '127.0.0.1'), /IP|altname/);
  t.equal(
    await isEncrypted({ sslmode: 'verify-ca', ...own }, '127.0.0.1'),
    true,
    'verify-ca does not look at the name',
  );
});
