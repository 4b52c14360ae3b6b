/** Removed fields on the real server: the durable storages with a restart, two nodes, and a text that is nearly full. */
import tap, { test } from 'tap';
import type { Incoming, RawClient } from '../support/clients/client.js';
import { cluster } from '../support/nodes/cluster.js';
import { client, folder, server } from '../support/nodes/fixture.js';
import { Replica } from '../support/clients/replica.js';
import { until, type ServerProcess } from '../support/nodes/server.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';
import { TextClient } from '../support/clients/text-client.js';

tap.setTimeout(300_000);

const deleted = { __deleted: true };
const env = { SYNC_MAX_TOMBSTONES: '40', SYNC_MAX_DOCUMENT_FIELDS: '120', SHARDS: '1' };
/** Ten minutes ago: a device that was offline since then. */
const offline = Date.now() - 600_000;

/** A list whose items come and go. */
async function churn(raw: RawClient, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const items = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`item-${round}-${i}`, round]));
    await raw.acked(raw.send('delta', { documentId: 'todo', delta: items }));
    const none = Object.fromEntries(Object.keys(items).map((item) => [item, deleted]));
    await raw.acked(raw.send('delta', { documentId: 'todo', delta: none }));
  }
}

/** Sends an older write of a field that is gone, and waits until it is answered as a lost one. */
async function loses(raw: RawClient): Promise<Incoming> {
  const before = raw.messages.length;
  const write = { documentId: 'todo', field: 'item-0-0', value: 'old', clientId: 'offline', clock: { offline: 1 } };
  await raw.acked(raw.send('delta', write, offline));
  const isAnswer = (m: Incoming): boolean => m['field'] === 'item-0-0' && JSON.stringify(m['value']) !== '"old"';
  await until('the answer to what lost', () => raw.messages.slice(before).some(isAnswer));
  return raw.messages.slice(before).find(isAnswer)!;
}

async function metric(to: ServerProcess, name: string): Promise<number> {
  const lines = (await (await fetch(`${to.http}/metrics`)).text()).split('\n');
  const own = lines.filter((line) => line.startsWith(name) && !line.startsWith('#'));
  return own.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

for (const kind of durableStorages) {
  test(`TMB1 TMB2 on ${kind}: lists go on for ever, and what is purged stays gone after a restart`, async (t) => {
    const storage = await storageEnv(t, kind);
    const first = await server(t, { ...storage, ...env });
    const raw = await client(t, first);
    await raw.acked(raw.set('todo', 'kept', 1));
    await churn(raw, 10);
    await until(
      'the purges to be counted',
      async () => (await metric(first, 'synckit_tombstones_purged_total')) >= 460,
    );
    t.match(await loses(await client(t, first)), { value: deleted });
    await first.kill('SIGKILL');

    const second = await server(t, { ...storage, ...env });
    const late = await client(t, second);
    const answer = await loses(late);
    t.match(answer, { value: deleted });
    t.ok((answer['clock'] as Record<string, number>)['server']! > Date.now() * 1000, 'with a fresh stamp');
    t.strictSame((await late.subscribe('todo'))['state'], { kept: 1 });
    await late.acked(late.set('todo', 'item-0-0', 'new'));
    t.strictSame((await (await client(t, second)).subscribe('todo'))['state'], { kept: 1, 'item-0-0': 'new' });
    const request = late.send('sync_request', { documentId: 'todo', vectorClock: { someone: offline * 1024 } });
    const whole = await late.expect('the whole state', ({ requestId }) => requestId === request);
    t.strictSame(whole['state'], { kept: 1, 'item-0-0': 'new' }, 'TMB4');
  });
}

test('TMB2 on two nodes: an older write loses on the node that did not purge', async (t) => {
  const { nodes } = await cluster(t, { ...env, CLUSTER_COMPARE_INTERVAL: '500' });
  const [first, second] = [await client(t, nodes[0]), await client(t, nodes[1])];
  await second.subscribe('todo');
  const replica = new Replica(second, 'todo');
  await first.acked(first.set('todo', 'kept', 1));
  await churn(first, 6);
  await until('the other node to follow', () => JSON.stringify(replica.state) === '{"kept":1}');
  const old = await client(t, nodes[1]);
  t.match(await loses(old), { value: deleted });
  await old.acked(old.set('todo', 'last', 2));
  for (const node of nodes) {
    await until('both nodes to agree', async () => {
      const { state } = await (await client(t, node)).subscribe('todo');
      return JSON.stringify(Object.entries(state as object).sort()) === '[["kept",1],["last",2]]';
    });
  }
  await until('the subscriber too', () => JSON.stringify(replica.state) === '{"kept":1,"last":2}');
});

test('TXT4 a text that is nearly full is reported, and the error says what to do', async (t) => {
  const to = await server(t, { SYNCKIT_DATA_DIR: await folder(t), SYNC_MAX_TEXT_BYTES: '4KiB', SHARDS: '1' });
  const writer = new TextClient('writer', 'doc');
  await writer.connect(to.url);
  t.teardown(() => writer.drop());
  writer.insert(0, 'x'.repeat(3_600));
  writer.send();
  await until('the warning', () => to.log.some(({ msg }) => msg.startsWith('a text is nearly full')));
  await until('the metric', async () => (await metric(to, 'synckit_large_texts_total')) === 1);
  const raw = await client(t, to);
  const other = new TextClient('other', 'doc');
  other.insert(0, 'y'.repeat(3_600));
  const state = {
    type: 'text-state',
    state: other.replica.state(),
    clientId: 'other',
    clock: 1,
    timestamp: Date.now(),
  };
  const error = await raw.refused(raw.send('delta_batch', { documentId: 'doc', deltas: [state] }));
  t.match(error, { error: /^Document too large.*copy what it shows into a new document/s });
});
