/** The variables that lead to other services: Redis and the database. */
import { test, type Test } from 'tap';
import { ConfigError, loadConfig } from '../../src/config/load.js';

function problemsOf(t: Test, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  t.fail('the configuration was accepted');
  return [];
}

test('Sentinels have an address each, and what they lead to has a URL', (t) => {
  const env = { DATABASE_URL: 'postgres://h/d', REDIS_URL: 'redis://:p@ignored/2' };
  const found = loadConfig({ ...env, REDIS_SENTINELS: 'one, two:1,[::1]:2', REDIS_SENTINEL_PASSWORD: 'x' });
  t.same(found.bus?.sentinels, { addresses: ['one', 'two:1', '[::1]:2'], master: 'mymaster', password: 'x' });
  t.equal(loadConfig(env).bus?.sentinels, undefined);
  t.match(problemsOf(t, { REDIS_SENTINELS: 'one' }), [/REDIS_SENTINELS needs REDIS_URL/]);
  t.match(problemsOf(t, { ...env, REDIS_SENTINELS: 'one', REDIS_CLUSTER: 'true' }), [/does not go with REDIS_CLUSTER/]);
  t.end();
});

test('an address of a database may name several hosts and a socket, and no session that can’t write', (t) => {
  for (const url of ['postgres://u:p@h1:1,h2/d?target_session_attrs=read-write', 'postgres:///d?host=/run/x']) {
    t.match(loadConfig({ DATABASE_URL: url }).storage, { kind: 'postgres', url });
  }
  const standby = { DATABASE_URL: 'postgres://u:hunter2@h/d?target_session_attrs=standby' };
  t.match(problemsOf(t, standby), [/target_session_attrs in DATABASE_URL must be one of any, read-write, primary/]);
  t.match(problemsOf(t, { DATABASE_URL: 'postgres://u:p/w@h/d' }), [/DATABASE_URL is not a valid address/]);
  t.match(problemsOf(t, { DATABASE_URL: 'postgres://h1,h2/d?sslmode=prefer' }), [/sslmode in DATABASE_URL/]);
  t.end();
});

test('addresses that are called have no password: calls to them would fail, and say it in the log', (t) => {
  const secrets = { VALIDATE_SECRET: 'x'.repeat(32), ACCESS_SECRET: 'x'.repeat(32), WEBHOOK_SECRET: 'x'.repeat(32) };
  for (const name of ['VALIDATE_URL', 'ACCESS_URL', 'WEBHOOK_URL', 'JWT_JWKS_URL']) {
    const problems = problemsOf(t, { JWT_SECRET: 'y'.repeat(32), ...secrets, [name]: 'https://u:hunter2@h/p' });
    t.match(problems.join('\n'), new RegExp(`${name} must be .* without a user and a password`));
    t.notMatch(problems.join('\n'), /hunter2/);
  }
  const url = 'https://h/p?of=a@b';
  t.equal(loadConfig({ VALIDATE_URL: url, VALIDATE_SECRET: 'x'.repeat(32) }).validate?.url, url);
  t.end();
});
