/**
 * CON6: whatever is sent, the process lives, answers what it is asked, and touches nothing that was not meant.
 *
 * `SEED=7` sends the frames of that seed again, `FRAMES=1000000` more of them than 50 000.
 */
import tap, { test } from 'tap';
import type { Incoming } from '../support/clients/client.js';
import { client, folder, secret, server, token } from '../support/nodes/fixture.js';
import { residentBytes } from '../support/memory.js';
import { canonical } from '../support/clients/model-document.js';
import { Random, seedsToPlay } from '../support/random.js';
import { startServer, until } from '../support/nodes/server.js';
import { FuzzClient } from './fuzz-client.js';

const FRAMES = Number(process.env['FRAMES'] ?? 50_000);

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000 * Math.max(1, FRAMES / 100_000));

/** Before memory is first looked at. */
const WARM_UP = FRAMES / 10;
/** Of the memory before. What may stay: documents that fuzzed writes made, and a heap that is not given back at once. */
const MAX_GROWTH = FRAMES < 1_000_000 ? 1.5 : 1.2;

const untouched = 'untouched';
const content = { number: 1, text: 'as it was', nothing: null, nested: { list: [1, { a: '"' }] }, __proto: 'x' };

/** Whether a message changes the untouched document; its writer may be owed its own values once (ECHO4). */
function isChange(message: Incoming): boolean {
  if (message['documentId'] !== untouched) return false;
  const { field, value } = message;
  return (
    message.type !== 'delta' ||
    canonical({ value }) !== canonical({ value: (content as Record<string, unknown>)[field as string] })
  );
}

test('CON6, ERR1, ERR2, AUT3, AUT7: random and mutated frames harm nobody', async (t) => {
  const [seed] = seedsToPlay([], 1) as [number];
  t.comment(`SEED=${seed}`);
  const SYNCKIT_DATA_DIR = await folder(t);
  const env = {
    SYNCKIT_DATA_DIR,
    JWT_SECRET: secret,
    SYNCKIT_MAX_MESSAGES_PER_MINUTE: '0',
    SYNCKIT_MAX_USER_MESSAGES_PER_MINUTE: '0',
    SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND: '0',
    SYNCKIT_MAX_USER_RECEIVED_BYTES_PER_SECOND: '0',
    SYNCKIT_MAX_REFUSALS_PER_MINUTE: '0',
    SYNCKIT_MAX_MESSAGES_BEFORE_AUTH: '1000000000',
    SYNCKIT_MAX_BYTES_BEFORE_AUTH: '1000GiB',
    SYNCKIT_AUTH_TIMEOUT_MS: '3600000',
    SYNCKIT_MAX_LOADED_BYTES: '4MiB',
  };
  const to = await server(t, env);

  const good = await client(t, to, { encoding: 'json', token: token('good', { read: ['*'], write: ['*'] }) });
  await good.acked(good.send('delta', { documentId: untouched, delta: content }));
  await good.subscribe(untouched);
  good.messages.length = 0;
  let written = 0;
  const updates: Incoming[] = [];
  const goodWork = async (): Promise<void> => {
    await good.acked(good.set('good', 'count', ++written));
    updates.push(...good.messages.filter(isChange));
    good.messages.length = 0;
  };

  const clients = fuzzClients(to.url, seed);
  t.teardown(() => clients.forEach((each) => each.close()));
  const sendAll = async (frames: number): Promise<void> => {
    let sending = clients.length;
    const share = Math.ceil(frames / clients.length);
    const sent = clients.map((each) => each.send(share).finally(() => sending--));
    const all = Promise.all(sent);
    all.catch(() => undefined); // waited for below
    while (sending > 0) await goodWork();
    await all;
  };
  await sendAll(WARM_UP);
  const before = residentBytes(to.pid);
  await sendAll(FRAMES - WARM_UP);
  for (const each of clients) {
    t.strictSame(
      [...each.problems],
      [],
      `every answer is well-formed, and only what may end a connection does (seed ${seed})`,
    );
    each.close();
  }
  const answers = new Map<string, number>();
  for (const each of clients)
    for (const [type, count] of each.answers) answers.set(type, (answers.get(type) ?? 0) + count);
  t.comment(Object.fromEntries(answers));
  for (const type of ['ack', 'delta', 'sync_response', 'INVALID_MESSAGE', 'INVALID_DELTA', 'PERMISSION_DENIED']) {
    t.ok((answers.get(type) ?? 0) > 10, `there were answers of type ${type}`);
  }

  await until('memory to be free again', () => residentBytes(to.pid) <= before * MAX_GROWTH, 60_000);
  t.comment(`resident: ${Math.round(before / 1e6)} MB before, ${Math.round(residentBytes(to.pid) / 1e6)} MB after`);
  t.strictSame(
    to.log.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
    'nothing that the server thinks its own fault',
  );
  await goodWork();
  t.strictSame(updates, [], `nobody wrote to the untouched document (seed ${seed})`);
  await to.kill('SIGTERM');

  const again = await startServer(env);
  t.teardown(() => again.kill('SIGKILL'));
  const reader = await client(t, again, { encoding: 'json', token: token('good', { read: ['*'], write: ['*'] }) });
  t.equal(canonical((await reader.subscribe(untouched))['state']), canonical(content), 'the document is untouched');
  t.strictSame((await reader.subscribe('good'))['state'], { count: written });
});

/** Of each kind: some that may do everything, some that may not touch what they name, some without a token. */
function fuzzClients(url: string, seed: number): FuzzClient[] {
  const documents = Array.from({ length: 50 }, (_, i) => `fuzz-${i}`);
  const rights = { read: documents, write: documents };
  const rows = [
    { query: `?token=${token('all', { read: ['*'], write: ['*'] })}`, named: documents, tokens: [] },
    { query: `?token=${token('some', rights)}`, named: [...documents, untouched, untouched], tokens: [] },
    { query: '', named: [...documents, untouched], tokens: [token('some', rights)] },
  ];
  return rows.flatMap(({ query, named, tokens }, row) =>
    (['binary', 'text', 'mixed'] as const).map(
      (frames, i) =>
        new FuzzClient({
          ...{ url: url + query, frames, documents: named, tokens, supportsBatch: (row + i) % 2 === 0 },
          random: new Random(seed + row * 3 + i),
        }),
    ),
  );
}
