/** The process is killed again and again under load: a write that was acknowledged has its entry, and an entry its write. */
import { setTimeout as sleep } from 'node:timers/promises';
import tap, { test } from 'tap';
import { RawClient } from '../support/clients/client.js';
import { folder, secret, token } from '../support/nodes/fixture.js';
import { startServer, type ServerProcess } from '../support/nodes/server.js';
import { database } from '../support/postgres/postgres.js';
import { Historian } from '../e2e/history/historian.js';

tap.setTimeout(300_000);

const ROUNDS = 4;
const TYPING_MS = 400;
const WRITERS = 4;

for (const storage of ['lmdb', 'postgres'] as const) {
  void test(`HIS1: no acknowledged write lacks its entry after kill -9 (${storage})`, async (t) => {
    const own = storage === 'lmdb' ? { SYNCKIT_DATA_DIR: await folder(t) } : { DATABASE_URL: (await database(t)).url };
    const env = { JWT_SECRET: secret, HISTORY_PREFIXES: '*', SHARDS: '2', ...own };
    let server: ServerProcess | undefined;
    t.teardown(() => server?.kill('SIGKILL'));
    /** Values by field, in the order in which they were written; and those that were acknowledged. */
    const written = new Map<string, string[]>();
    const acked = new Set<string>();
    let count = 0;
    for (let round = 0; round < ROUNDS; round++) {
      server = await startServer(env);
      const to = server;
      const clients = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          RawClient.connect(to.url, { token: token(`user-${i}`, { read: ['*'], write: ['*'] }) }),
        ),
      );
      const ids = new Map<string, string>();
      const end = Date.now() + TYPING_MS;
      // On a busy machine none may have come that far.
      while (Date.now() < end || clients.every((one) => one.received('ack').length === 0)) {
        clients.forEach((one, i) => {
          const value = `v${++count}`;
          const field = `field-${i}`;
          written.set(field, [...(written.get(field) ?? []), value]);
          ids.set(`${i} ${one.set('d', field, value, { clientId: `c${i}`, clock: { [`c${i}`]: count } })}`, value);
        });
        await sleep(1);
      }
      await to.kill('SIGKILL');
      clients.forEach((one, i) => {
        for (const ack of one.received('ack')) acked.add(ids.get(`${i} ${String(ack['messageId'])}`)!);
      });
      server = await startServer(env);
      const backend = new Historian(server, 'ann');
      const fields = await backend.fields('d');
      const entries = (await backend.activity('d', { pause: '0' })).flatMap((group) => group.fields).toReversed();
      for (const [field, values] of written) {
        const own = entries.filter((entry) => entry.field === field);
        const after = own.map((entry) => String(entry.after));
        const lost = values.filter((value) => acked.has(value) && !after.includes(value));
        t.strictSame(lost, [], `${field} after kill ${round}`);
        t.equal(fields[field], after.at(-1), 'the last entry is what is stored');
        t.strictSame(
          own.map((entry) => entry.before),
          // None, where the process was killed before a first write of the field was stored.
          [undefined, ...after].slice(0, after.length),
          'each entry begins with the one before',
        );
      }
      await server.kill('SIGKILL');
    }
    t.ok(acked.size > ROUNDS * WRITERS, `${acked.size} writes were acknowledged`);
    t.ok(acked.size < count, `${count - acked.size} were under way`);
  });
}
