/** Heavy typing in ten texts of 100 KB while the process is killed again and again: every acknowledged state is kept. */
import { TextCore } from '@synckit/core-wasm';
import { setTimeout as sleep } from 'node:timers/promises';
import tap, { test } from 'tap';
import { RawClient } from '../support/clients/client.js';
import { folder } from '../support/nodes/fixture.js';
import { Random, seedsToPlay } from '../support/random.js';
import { startServer, until, type ServerProcess } from '../support/nodes/server.js';
import { TextClient } from '../support/clients/text-client.js';

tap.setTimeout(300_000);

const DOCUMENTS = 10;
const ROUNDS = 5;
const CHARACTERS = 100_000;
const TYPING_MS = 600;

/** The text of a document as one who comes now is told. */
async function stateOf(url: string, documentId: string): Promise<string> {
  const late = await RawClient.connect(url);
  const answer = await late.subscribe(documentId);
  late.socket.terminate();
  return answer['textState'] as string;
}

/** Acknowledged states that are not contained in what the server has. */
function missing(client: TextClient, state: string): number {
  const core = new TextCore();
  const handle = core.open();
  core.merge(handle, Buffer.from(state), false);
  return client.acked.filter((sent) => core.merge(handle, Buffer.from(sent), false).changed).length;
}

void test('ACK1, TXT1: no acknowledged state of a text is lost to kill -9', async (t) => {
  const [seed] = seedsToPlay([], 1) as [number];
  t.comment(`SEED=${seed}`);
  const random = new Random(seed);
  const env = { SYNCKIT_DATA_DIR: await folder(t), SHARDS: '2' };
  const clients = Array.from({ length: DOCUMENTS }, (_, i) => new TextClient(`client-${i}`, `text-${i}`));
  let server: ServerProcess | undefined;
  t.teardown(async () => {
    for (const client of clients) client.drop();
    await server?.kill('SIGKILL');
  });
  for (const client of clients) {
    for (let typed = 0; typed < CHARACTERS; typed += 10_000) client.insert(typed, 'lorem ipsum'.padEnd(10_000, 'é x'));
  }

  let unacked = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    server = await startServer(env);
    for (const client of clients) await client.connect(server.url);
    const end = Date.now() + TYPING_MS;
    // On a busy machine no text may have come that far.
    while (Date.now() < end || clients.some(({ acked }) => acked.length === 0)) {
      for (const client of clients) {
        const { length } = client.replica;
        if (random.once(3)) client.delete(random.below(length - 20), random.between(1, 20));
        else client.insert(random.between(0, length), random.pick(['x', ' ', 'word ', '日本', '👋🏽']));
        client.send();
      }
      await sleep(random.below(10));
    }
    await server.kill('SIGKILL');
    unacked += clients.filter(({ settled }) => !settled).length;
    server = await startServer(env);
    for (const client of clients) {
      const state = await stateOf(server.url, client.documentId);
      const lost = missing(client, state);
      if (lost > 0) t.equal(lost, 0, `${client.documentId} after kill ${round} (seed ${seed})`);
    }
    await server.kill('SIGKILL');
  }
  const acks = clients.reduce((sum, { acked }) => sum + acked.length, 0);
  t.ok(acks > DOCUMENTS * ROUNDS, `${acks} states were acknowledged`);
  t.ok(unacked > 0, `${unacked} were under way when the server was killed`);

  const last = await startServer(env);
  server = last;
  for (const client of clients) {
    await client.connect(last.url);
    await until('what was typed to be acknowledged', () => client.settled || (client.send() && false));
    t.strictSame(client.problems, []);
  }
});
