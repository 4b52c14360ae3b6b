import { test } from 'tap';
import { client, server, token, secret } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

/** The samples of a scrape by name with labels, as in `synckit_errors_total{code="INTERNAL"}`. */
async function scrape(url: string, headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    const [, name, value] = /^([^#\s]\S*) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

/** Waits until a sample has this value. */
async function reaches(to: ServerProcess, name: string, value: number): Promise<void> {
  await until(`${name} = ${value}`, async () => (await scrape(`${to.http}/metrics`)).get(name) === value);
}

test('what happens is counted', async (t) => {
  const to = await server(t, { SYNCKIT_MAX_SUBSCRIPTIONS: '2' });
  const plain = await client(t, to);
  const json = await client(t, to, { encoding: 'json' });
  await json.subscribe('a');
  await plain.acked(plain.set('a', 'f', 1, { clientId: 'c', timestamp: 2_000 }));
  await plain.acked(plain.set('a', 'f', 0, { clientId: 'c', timestamp: 1_000 }));
  await plain.acked(plain.send('delta_batch', { documentId: 'b', deltas: [{ type: 'set', field: 'x', value: 1 }] }));
  await plain.refused(plain.set('not an id', 'f', 1));
  await json.subscribe('b');
  await json.refused(json.send('subscribe', { documentId: 'c' }));
  await reaches(to, 'synckit_connections{protocol="binary",state="authenticated"}', 1);
  await reaches(to, 'synckit_connections{protocol="json",state="authenticated"}', 1);
  await reaches(to, 'synckit_authentications_total{result="anonymous"}', 2);
  await reaches(to, 'synckit_messages_received_total{type="delta"}', 3);
  await reaches(to, 'synckit_messages_received_total{type="delta_batch"}', 1);
  await reaches(to, 'synckit_messages_sent_total{type="ack"}', 3);
  await reaches(to, 'synckit_deltas_total', 3);
  await reaches(to, 'synckit_fields_applied_total', 2);
  await reaches(to, 'synckit_fields_lost_total', 1);
  await reaches(to, 'synckit_ack_latency_seconds_count', 3);
  await reaches(to, 'synckit_errors_total{code="INVALID_DOCUMENT_ID"}', 1);
  await reaches(to, 'synckit_limit_rejections_total{limit="subscriptions"}', 1);
  await reaches(to, 'synckit_loaded_documents', 2);
  const samples = await scrape(`${to.http}/metrics`);
  t.equal(
    samples.get('synckit_deliveries_total'),
    2,
    'the writer and the listener of `a`, nobody but the writer of `b`',
  );
  t.equal(samples.get('synckit_fanout_latency_seconds_count'), 2);
  t.ok((samples.get('synckit_commit_rows_sum') ?? 0) >= 2);
  t.ok((samples.get('nodejs_eventloop_lag_seconds') ?? -1) >= 0, "Node's own are there too");
  await json.close();
  await reaches(to, 'synckit_connections{protocol="json",state="authenticated"}', 0);
  await reaches(to, 'synckit_connections_closed_total{code="1005"}', 1);
});

test('a token protects the metrics, also on the port of the process', async (t) => {
  const metricsToken = 'a token of 16 characters or more';
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const to = await server(t, {
    METRICS_TOKEN: metricsToken,
    METRICS_PORT: String(port),
    NODE_APP_INSTANCE: '3',
    JWT_SECRET: secret,
  });
  await client(t, to, { token: token('ann', { read: ['*'] }) });
  const own = `http://127.0.0.1:${port + 3}/metrics`;
  for (const url of [`${to.http}/metrics`, own]) {
    t.equal((await fetch(url)).status, 401);
    t.equal((await fetch(url, { headers: { Authorization: 'Bearer wrong' } })).status, 401);
    const samples = await scrape(url, { Authorization: `Bearer ${metricsToken}` });
    t.equal(samples.get('synckit_authentications_total{result="accepted"}'), 1);
  }
  t.equal((await fetch(`http://127.0.0.1:${port + 3}/health`)).status, 404, 'nothing else is there');
});

test('metrics can be switched off', async (t) => {
  const to = await server(t, { METRICS_ENABLED: 'false' });
  const plain = await client(t, to);
  await plain.acked(plain.set('a', 'f', 1));
  t.equal((await fetch(`${to.http}/metrics`)).status, 404);
});
