/** TLS in the process: clients by wss and https, the certificate taken anew by SIGHUP, and what is said of mistakes. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import tap, { before, test } from 'tap';
import { command } from '../../support/nodes/accounts.js';
import { Authority } from '../../support/network/certificates.js';
import { RawClient } from '../../support/clients/client.js';
import { dataFolder, freePort, startServer, until, type ServerProcess } from '../../support/nodes/server.js';

const folder = await dataFolder();
const authority = new Authority(folder.path);
const files = { TLS_CERT: join(folder.path, 'cert.pem'), TLS_KEY: join(folder.path, 'key.pem') };
const { ca } = authority;
let server: ServerProcess;

function install({ cert, key }: { readonly cert: string; readonly key: string }): void {
  writeFileSync(files.TLS_CERT, cert);
  writeFileSync(files.TLS_KEY, key);
}

/** The name in the certificate that new connections get. @param servername None: the client does not name the host. */
async function presented(port: number, servername?: string): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, ca, ...(servername === undefined ? {} : { servername }) });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

async function get(port: number, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const asked = request({ host: '127.0.0.1', port, path, ca, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  let text = '';
  for await (const part of response) text += String(part);
  return { status: response.statusCode, text };
}

function client(name: string): Promise<RawClient> {
  return RawClient.connect(`wss://localhost:${server.port}/ws`, { ca, encoding: name === 'json' ? 'json' : 'binary' });
}

/** Has the server look at its files. @returns What it says about them. */
async function renew(to: { readonly cert: string; readonly key: string }): Promise<string> {
  const seen = server.log.length;
  install(to);
  server.child.kill('SIGHUP');
  const about = (msg: string): boolean => /renewed certificate|has not changed|is used on/.test(msg);
  await until('an answer to SIGHUP', () => server.log.slice(seen).some(({ msg }) => about(msg)));
  return server.log.slice(seen).find(({ msg }) => about(msg))!.msg;
}

before(async () => {
  install(authority.issue('first'));
  const metricsPort = String(await freePort());
  server = await startServer({
    ...files,
    PORT: String(await freePort()),
    METRICS_PORT: metricsPort,
    DATABASE_URL: 'memory:',
    SYNCKIT_AUTH_REQUIRED: 'false',
  });
});
tap.teardown(async () => {
  await server.kill('SIGTERM');
  await folder.remove();
});

test('clients connect by wss and https, and without TLS to nobody', async (t) => {
  const [writer, reader] = [await client('binary'), await client('json')];
  await reader.subscribe('tls');
  await writer.acked(writer.set('tls', 'title', 'under TLS'));
  await reader.expect('the change', (m) => m.type === 'delta' && m['documentId'] === 'tls');
  t.equal((await get(server.port, '/health')).status, 200);
  await t.rejects(fetch(`http://127.0.0.1:${server.port}/health`));
  await t.rejects(RawClient.connect(`wss://localhost:${server.port}/ws`, { ca: authority.issue('other').cert }));
  await Promise.all([writer.close(), reader.close()]);
});

test('only TLS 1.2 and later', async (t) => {
  const old = connectTls({
    ...{ host: '127.0.0.1', port: server.port, ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    ciphers: 'DEFAULT:@SECLEVEL=0',
  });
  const [error] = (await once(old, 'error')) as [Error];
  t.ok(error);
});

test('SIGHUP takes a renewed certificate, and no connection ends', async (t) => {
  const [writer, reader] = [await client('binary'), await client('json')];
  await writer.subscribe('renewal');
  await reader.subscribe('renewal');
  t.equal(await presented(server.port), 'first');
  // Several times, so that connections of some former certificates are open together.
  for (const name of ['second', 'third', 'fourth']) {
    t.match(await renew(authority.issue(name, name === 'third' ? 'rsa' : 'ec')), /renewed/);
    t.equal(await presented(server.port), name, 'without the name of the host');
    t.equal(await presented(server.port, 'localhost'), name, 'with it');
    const late = await client('binary');
    await late.subscribe('renewal');
    // Across the certificates, both ways: the sender itself hears nothing.
    for (const [from, to] of [[writer, [reader, late]] as const, [late, [writer, reader]] as const]) {
      const value = `${name} from ${from === late ? 'late' : 'writer'}`;
      await from.acked(from.set('renewal', 'title', value));
      for (const one of to) await one.expect(value, (m) => JSON.stringify(m).includes(value));
      await from.roundTrip();
      t.notOk(
        from.received('delta', 'delta_batch').some((m) => JSON.stringify(m).includes(value)),
        'it is not sent to its sender',
      );
    }
    await late.close();
  }
  t.same([writer.closed, reader.closed], [undefined, undefined]);
  await Promise.all([writer.close(), reader.close()]);
});

test('files that can’t be used change nothing, nor do those that are the same', async (t) => {
  const good = authority.issue('good');
  t.match(await renew(good), /renewed/);
  t.match(await renew(good), /has not changed/);
  t.match(await renew({ cert: authority.issue('bad').cert, key: good.key }), /is used on/);
  t.match(await renew({ cert: 'nothing', key: good.key }), /is used on/);
  t.equal(await presented(server.port), 'good');
  install(good);
});

test('the oldest connections end with 1012 when those of too many certificates are open', async (t) => {
  const oldest = await client('binary');
  const asked = request({ host: '127.0.0.1', port: server.port, path: '/documents/d/events', ca, agent: false }).end();
  const [stream] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  const streamEnd = once(stream.resume(), 'end');
  const next: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    t.match(await renew(authority.issue(`one of many ${i}`)), /renewed/);
    next.push(await client('binary'));
  }
  t.equal((await oldest.end()).code, 1012);
  await streamEnd;
  t.ok(next.every(({ closed }) => closed === undefined));
  await Promise.all(next.map((one) => one.close()));
});

test('a connection that never begins TLS ends', async (t) => {
  const silent = connect(server.port, '127.0.0.1');
  await once(silent, 'connect');
  const ended = once(silent, 'close');
  silent.resume();
  await ended;
  t.pass('by the server');
});

test('METRICS_PORT has the same certificate, also a renewed one', async (t) => {
  const metricsPort = await freePort();
  const other = await startServer({
    ...{ ...files, DATABASE_URL: 'memory:' },
    PORT: String(await freePort()),
    METRICS_PORT: String(metricsPort),
  });
  t.teardown(() => other.kill('SIGTERM'));
  const { status, text } = await get(metricsPort, '/metrics');
  t.equal(status, 200);
  const expiry = Number(/^synckit_tls_certificate_expires_at_seconds (\d+)/m.exec(text)?.[1]);
  t.ok(expiry > Date.now() / 1_000 + 86_400);
  install(authority.issue('for scrapes'));
  other.child.kill('SIGHUP');
  await until('the renewal', async () => (await presented(metricsPort)) === 'for scrapes');
  t.equal(await presented(other.port), 'for scrapes');
});

test('mistakes are told in one sentence, by the check of the configuration and at start', async (t) => {
  const { cert, key } = authority.issue('one');
  install({ cert, key });
  const other = join(folder.path, 'other-key.pem');
  writeFileSync(other, authority.issue('two').key);
  const missing = join(folder.path, 'missing.pem');
  const mistakes: [NodeJS.ProcessEnv, RegExp][] = [
    [{ TLS_CERT: files.TLS_CERT }, /TLS_CERT is set without TLS_KEY/],
    [{ TLS_KEY: files.TLS_KEY }, /TLS_KEY is set without TLS_CERT/],
    [{ ...files, TLS_CERT: missing }, /TLS_CERT can't be read: ENOENT/],
    [{ ...files, TLS_KEY: missing }, /TLS_KEY can't be read: ENOENT/],
    [{ ...files, TLS_KEY: other }, /key in TLS_KEY \(.*other-key.pem\) does not fit the certificate/],
    [{ ...files, TLS_CERT: files.TLS_KEY }, /TLS_CERT names a file that has no certificate/],
    [{ ...files, TLS_KEY: files.TLS_CERT }, /TLS_KEY names a file that has no private key/],
  ];
  for (const [env, sentence] of mistakes) {
    const { code, err } = await command(env, ['check-config']);
    t.equal(code, 1);
    t.match(err, sentence);
    t.notMatch(err, /\n\s+at /, 'no stack');
    await t.rejects(startServer({ ...env, DATABASE_URL: 'memory:' }), { message: sentence });
  }
  t.equal((await command(files, ['check-config'])).code, 0);
});
