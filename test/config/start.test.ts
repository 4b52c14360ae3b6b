/** What the configuration says about the start: names, address, port. */
import { test } from 'tap';
import { loadConfig } from '../../src/config/load.js';

const secret = 'a secret of more than thirty-two characters';

test('misspelt variables are noticed, and those of others are not', (t) => {
  const env = { JWT_SECRT: 'x', DATABASE_URLS: 'x', REDIS_URI: 'x', HOSTNAME: 'x', POST: 'x', instances: '1' };
  const notices = loadConfig({ JWT_SECRET: secret, ...env }).notices;
  t.same(
    notices,
    [
      ['JWT_SECRT', 'JWT_SECRET'],
      ['DATABASE_URLS', 'DATABASE_URL'],
      ['REDIS_URI', 'REDIS_URL'],
    ].map(([given, meant]) => `${given} is not a variable of this server and has no effect. Is ${meant} meant?`),
  );
  t.end();
});

test('an IPv6 address may stand in brackets', (t) => {
  t.equal(loadConfig({ HOST: '[::]' }).host, '::');
  t.equal(loadConfig({ HOST: '::1' }).host, '::1');
  t.end();
});

test('a port is shared by processes that hear each other, or that PM2 runs', (t) => {
  const shares = (env: NodeJS.ProcessEnv) => loadConfig(env).sharesPort;
  t.equal(shares({}), false);
  t.equal(shares({ DATABASE_URL: 'postgres://host/x' }), false);
  t.equal(shares({ DATABASE_URL: 'postgres://host/x', REDIS_URL: 'redis://host' }), true);
  t.equal(shares({ NODE_APP_INSTANCE: '0' }), true, 'processes that are numbered are several');
  t.equal(shares({ pm_id: '0', instances: '2' }), true);
  t.end();
});
