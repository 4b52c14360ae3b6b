import { test, type Test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { folder, secret, server, token } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';
import { TextClient } from '../../support/clients/text-client.js';

const plain = { 'Content-Type': 'text/plain; charset=utf-8' };

function put(to: ServerProcess, id: string, body: string | Buffer, headers: Record<string, string> = {}) {
  return fetch(`${to.http}/documents/${id}/text`, { method: 'PUT', headers: { ...plain, ...headers }, body });
}

async function shown(to: ServerProcess, id: string): Promise<{ text: string; etag: string }> {
  const answer = await fetch(`${to.http}/documents/${id}/text`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return { text: await answer.text(), etag: answer.headers.get('etag')! };
}

async function typist(t: Test, to: ServerProcess, name: string, id: string): Promise<TextClient> {
  const typing = new TextClient(name, id);
  await typing.connect(to.url);
  t.teardown(() => {
    typing.drop();
  });
  await until(`${name} to be there`, () => typing.joined);
  return typing;
}

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`a text is replaced by HTTP (${storage})`, async (t) => {
    const env = storage === 'lmdb' ? {} : { DATABASE_URL: (await database(t)).url };
    const to = await server(t, env);
    const ann = await typist(t, to, 'ann', 'd');
    t.equal((await put(to, 'd', '')).status, 204, 'nothing takes the place of nothing');
    t.equal((await fetch(`${to.http}/documents/d/text`)).status, 404);
    t.equal((await put(to, 'd', 'Grüße 👋🏽,\r\nworld')).status, 204);
    await until('ann to have it', () => ann.replica.text() === 'Grüße 👋🏽,\r\nworld');
    ann.insert(ann.replica.length, '!');
    ann.send();
    await until('it to be stored', () => ann.settled);
    const { text, etag } = await shown(to, 'd');
    t.equal(text, 'Grüße 👋🏽,\r\nworld!');

    const body = JSON.stringify({ content: 'Grüße 👋🏽👨‍👩‍👧,\r\nWorld!' });
    const json = { 'Content-Type': 'application/json' };
    t.equal((await put(to, 'd', body, { ...json, 'If-Match': '"other"' })).status, 412);
    t.equal((await put(to, 'd', body, { ...json, 'If-Match': etag, 'Idempotency-Key': 'k' })).status, 204);
    t.equal((await put(to, 'd', body, { ...json, 'If-Match': etag })).status, 412);
    const again = await put(to, 'd', body, { ...json, 'If-Match': etag, 'Idempotency-Key': 'k' });
    t.equal(again.status, 204, 'the answer that it got before');
    await until('ann to have it', () => ann.replica.text() === 'Grüße 👋🏽👨‍👩‍👧,\r\nWorld!');
    const before = (await shown(to, 'd')).etag;
    t.equal((await put(to, 'd', ann.replica.text())).status, 204);
    t.equal((await shown(to, 'd')).etag, before, 'the same content changes nothing');
    t.equal((await put(to, 'd', '')).status, 204);
    t.equal((await shown(to, 'd')).text, '');
    const large = 'Ein längerer Satz, 1 MB davon. '.repeat(34_000);
    t.equal((await put(to, 'd', large)).status, 204);
    t.equal((await shown(to, 'd')).text, large);
    await until('ann to have all of it', () => ann.replica.text() === large);
    t.strictSame(ann.problems, []);
  });
}

test('a replaced text survives kill -9', async (t) => {
  const data = await folder(t);
  const first = await server(t, { SYNCKIT_DATA_DIR: data });
  t.equal((await put(first, 'd', 'kept')).status, 204);
  await first.kill('SIGKILL');
  const second = await server(t, { SYNCKIT_DATA_DIR: data });
  t.equal((await shown(second, 'd')).text, 'kept');
});

test('what is refused', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, SYNC_MAX_TEXT_BYTES: '2KiB' });
  const reader = { Authorization: `Bearer ${token('ann', { read: ['*'] })}` };
  const writer = { Authorization: `Bearer ${token('bob', { write: ['*'] })}` };
  t.equal((await put(to, 'd', 'x')).status, 401);
  t.equal((await put(to, 'd', 'x', reader)).status, 403);
  t.equal((await put(to, 'd', 'x', writer)).status, 204, 'reading is not needed');
  t.equal((await put(to, 'd', 'x'.repeat(3_000), writer)).status, 413);
  t.equal((await put(to, 'd', Buffer.of(0x61, 0xff), writer)).status, 400);
  const json = { ...writer, 'Content-Type': 'application/json' };
  for (const body of ['{', '"x"', '{"text":"x"}', '{"content":1}', '{"content":"\\ud800"}']) {
    t.equal((await put(to, 'd', body, json)).status, 400, body);
  }
  t.equal((await put(to, 'd', 'x', { ...writer, 'Content-Type': 'text/html' })).status, 415);
});

/** Clients type while backends replace the text; then all of them have the same one. */
async function typeAndReplace(t: Test, nodes: readonly ServerProcess[], seed: number): Promise<void> {
  const random = new Random(seed);
  const id = `d${seed}`;
  const names = ['ann', 'bob', 'cyd'];
  const typists = await Promise.all(names.map((name, i) => typist(t, nodes[i % nodes.length]!, name, id)));
  let typed = 0x4e00;
  const puts: Promise<Response>[] = [];
  for (let turn = 0; turn < 20; turn++) {
    for (const typing of typists) {
      if (!random.once(2)) continue;
      const { length } = typing.replica;
      if (length > 4 && random.once(5)) typing.delete(random.below(length - 1), 1);
      else typing.insert(random.below(length + 1), String.fromCodePoint(typed++));
      typing.send();
    }
    if (random.once(4)) {
      const text = random.pick(typists).replica.text();
      const at = random.below(text.length + 1);
      puts.push(put(random.pick(nodes), id, `${text.slice(0, at)}[👋🏽 ${turn}]${text.slice(at + random.below(3))}`));
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(10)));
  }
  for (const answer of await Promise.all(puts)) t.equal(answer.status, 204, `seed ${seed}`);
  const last = typists[0]!;
  await until('everything to be stored', () => typists.every((typing) => typing.settled));
  last.insert(0, 'first');
  last.send();
  const same = async (): Promise<boolean> => {
    const texts = await Promise.all(nodes.map(async (node) => (await shown(node, id)).text));
    return [...texts, ...typists.map(({ replica }) => replica.text())].every((text) => text === texts[0]);
  };
  await until(`all to show the same (seed ${seed})`, same);
  t.match(last.replica.text(), 'first');
  t.strictSame(
    typists.flatMap(({ problems }) => problems),
    [],
  );
  for (const typing of typists) typing.drop();
}

test('what is typed while the text is replaced is merged with it', async (t) => {
  const to = await server(t);
  for (const seed of seedsToPlay([1], 8)) await typeAndReplace(t, [to], seed);
});

test('the same on two nodes', async (t) => {
  const { nodes } = await cluster(t);
  for (const seed of seedsToPlay([1], 4)) await typeAndReplace(t, nodes, seed);
  // Nobody is subscribed to it, so the second node does not hear of what the first one writes.
  t.equal((await put(nodes[1], 'e', 'at first')).status, 204);
  t.equal((await put(nodes[0], 'e', '1 2 3 4 5')).status, 204);
  t.equal((await put(nodes[1], 'e', 'from two')).status, 204);
  t.equal((await shown(nodes[0], 'e')).text, 'from two');
});
