import { test } from 'tap';
import { loadConfig } from '../../src/config/load.js';

const secret = 'a secret for tests of more than 32 characters';

test('where authentication is off only because nothing was configured, the server is for this host alone', (t) => {
  const of = (env: NodeJS.ProcessEnv) => {
    const { host, corsOrigins, isOpenByDefault } = loadConfig(env);
    return [host, corsOrigins.join(), isOpenByDefault];
  };
  t.same(of({}), ['127.0.0.1', '', true]);
  t.same(of({ HOST: '0.0.0.0' }), ['0.0.0.0', '', true]);
  t.same(of({ SYNCKIT_AUTH_REQUIRED: 'false' }), ['0.0.0.0', '*', false]);
  t.same(of({ JWT_SECRET: secret }), ['0.0.0.0', '*', false]);
  t.same(of({ NODE_ENV: 'production', JWT_SECRET: secret }), ['0.0.0.0', '', false]);
  t.same(of({ CORS_ORIGIN: 'https://a.example' }), ['127.0.0.1', 'https://a.example', true]);
  t.same(of({ CORS_ORIGIN: 'https://a.example', CORS_ORIGINS: '*' }), ['127.0.0.1', '*', true]);
  t.match(loadConfig({}).notices.join(), /listens on 127.0.0.1 and takes pages of this host only/);
  t.end();
});

test('limits per address spare this host unless they are set', (t) => {
  t.match(loadConfig({}), {
    connectionsPerAddress: { loopback: 0, others: 50 },
    handshakesPerAddress: { loopback: 0, others: 20 },
    maxUnauthenticatedConnections: 1_000,
  });
  t.same(loadConfig({ SYNCKIT_MAX_CONNECTIONS_PER_IP: '7' }).connectionsPerAddress, { loopback: 7, others: 7 });
  t.same(loadConfig({ SYNCKIT_MAX_CONNECTIONS_PER_IP: '0' }).connectionsPerAddress, { loopback: 0, others: 0 });
  t.match(loadConfig({ WS_MAX_CONNECTIONS: '100000000' }).notices.join('\n'), /may open \d+ files/);
  t.end();
});
