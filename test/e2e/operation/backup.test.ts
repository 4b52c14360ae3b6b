/** `synckit-server backup` beside servers that write, and `restore` of what it made. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { runCli } from '../../support/nodes/run-cli.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';
import { TextReplica } from '../../support/clients/text-replica.js';

const rounds = Number(process.env['BACKUP_ROUNDS'] ?? 3);
const documents = Array.from({ length: 12 }, (_, i) => `d${i}`);

/** Writers that never pause. */
class Load {
  /** `document/field` → the greatest number that was acked. */
  readonly acked = new Map<string, number>();
  readonly #sent = new Map<string, readonly [place: string, number: number]>();
  #number = 0;
  #stopped = false;

  async start(t: Test, to: ServerProcess, name: string): Promise<void> {
    const writer = await client(t, to);
    const next = (): void => {
      if (this.#stopped) return;
      const number = ++this.#number;
      const documentId = documents[number % documents.length]!;
      const field = `${name}${number % 50}`;
      const value = { number, filler: 'x'.repeat(number % 3_000) };
      this.#sent.set(`${name} ${writer.set(documentId, field, value)}`, [`${documentId}/${field}`, number]);
    };
    writer.onMessage = ({ type, messageId }) => {
      if (type !== 'ack') return;
      const [place, number] = this.#sent.get(`${name} ${String(messageId)}`)!;
      this.acked.set(place, Math.max(number, this.acked.get(place) ?? 0));
      next();
    };
    for (let i = 0; i < 8; i++) next();
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** Types without a pause. `acked` is the length of the text whose last change was acked. */
async function type(t: Test, to: ServerProcess): Promise<{ acked: number }> {
  const typist = await client(t, to);
  const replica = new TextReplica('ann');
  const typed = { acked: 0 };
  const next = (): void => {
    replica.insert(replica.length, 'a');
    const state = { type: 'text-state', documentId: 'text', state: replica.state(), clientId: 'ann' };
    typist.send('delta_batch', {
      documentId: 'text',
      deltas: [{ ...state, timestamp: Date.now(), clock: { ann: 1 } }],
    });
  };
  typist.onMessage = (message) => {
    if (message.type !== 'ack') return;
    typed.acked++;
    if (typed.acked < 2_000) next();
  };
  next();
  return typed;
}

/** The numbers in a folder that no server has open. */
async function numbersIn(directory: string): Promise<Map<string, number>> {
  const storage = openLmdbStorage({ directory });
  const loaded = await storage.load(documents);
  await storage.close();
  const numbers = new Map<string, number>();
  for (const [i, { fields }] of loaded.entries()) {
    for (const { path, value } of fields) {
      numbers.set(`${documents[i]}/${path}`, (JSON.parse(value) as { number: number }).number);
    }
  }
  return numbers;
}

test(`everything acked before a backup is in it (BACKUP_ROUNDS=${rounds})`, async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR });
  const load = new Load();
  for (const name of ['a', 'b', 'c']) await load.start(t, to, name);
  const typed = await type(t, to);
  await until('acks', () => load.acked.size > 100 && typed.acked > 20);
  const place = await folder(t);
  let missing = 0;
  for (let round = 0; round < rounds; round++) {
    const [backup, restored] = [join(place, 'backups', `b${round}`), join(place, `r${round}`)];
    const before = new Map(load.acked);
    const typedBefore = typed.acked;
    const made = await runCli({ SYNCKIT_DATA_DIR }, 'backup', '--to', backup);
    if (made.code !== 0) t.fail(`backup: ${made.stderr}`);
    const put = await runCli({ SYNCKIT_DATA_DIR: restored }, 'restore', '--from', backup);
    if (put.code !== 0) t.fail(`restore: ${put.stderr}`);
    const stored = await numbersIn(restored);
    for (const [field, number] of before) if ((stored.get(field) ?? 0) < number) missing++;
    if (round === 0) {
      const reader = await client(t, await server(t, { SYNCKIT_DATA_DIR: restored }));
      const replica = new TextReplica('bob');
      replica.merge((await reader.subscribe('text'))['textState'] as string);
      t.ok(replica.text().length >= typedBefore, `${typedBefore} characters were acked`);
      await reader.acked(reader.set('d0', 'after', { number: 1 }));
    }
    await rm(backup, { recursive: true });
    if (round > 0) await rm(restored, { recursive: true });
  }
  load.stop();
  t.comment(`${load.acked.size} fields, ${[...load.acked.values()].reduce((most, n) => Math.max(most, n), 0)} writes`);
  t.equal(missing, 0);
  t.same((await to.kill('SIGTERM')).code, 0);
});

test('a client that knows more than the restored backup ends up as the others', async (t) => {
  const [SYNCKIT_DATA_DIR, place] = [await folder(t), await folder(t)];
  const backup = join(place, 'backup');
  const first = await server(t, { SYNCKIT_DATA_DIR });
  const writer = await client(t, first);
  await writer.acked(writer.set('d', 'kept', 1));
  t.equal((await runCli({ SYNCKIT_DATA_DIR }, 'backup', '--to', backup)).code, 0);
  await writer.acked(writer.set('d', 'kept', 2));
  await writer.acked(writer.set('d', 'later', 2));
  const { clock } = await (await client(t, first)).subscribe('d');
  await first.kill('SIGTERM');

  const put = await runCli({ SYNCKIT_DATA_DIR }, 'restore', '--from', backup, '--force');
  t.equal(put.code, 0, put.stderr);
  const again = await server(t, { SYNCKIT_DATA_DIR });
  const resumed = await client(t, again);
  resumed.send('sync_step1', { documentId: 'd', stateVector: clock });
  const answer = await resumed.expect('what the server has', ({ type }) => type === 'sync_step2');
  t.match(JSON.stringify(answer), /"kept"/, 'the stored value is sent again, as the client may show a later one');
  const { state } = await (await client(t, again)).subscribe('d');
  t.same(state, { kept: 1 });
});
