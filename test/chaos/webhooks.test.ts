/** `kill -9` of node and receiver between commit and delivery. `KILLS=100` kills that often on each storage. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import tap, { test, type Test } from 'tap';
import { Backend } from '../support/nodes/backend.js';
import { readChanges } from '../support/nodes/changes-reader.js';
import { folder, secret } from '../support/nodes/fixture.js';
import { freePort, startServer, until, type ServerProcess } from '../support/nodes/server.js';
import { useOwnServer } from '../support/postgres/postgres.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';
import { Random, seedsToPlay } from '../support/random.js';

tap.setTimeout(3_600_000);
useOwnServer();

const kills = Number(process.env['KILLS'] ?? 10);
const documents = 6;

interface Told {
  readonly id: string;
  readonly documentId: string;
  readonly commit: number;
}

class Receiver {
  readonly #file: string;
  readonly port: number;
  #process: ChildProcess | undefined;

  constructor(file: string, port: number) {
    this.#file = file;
    this.port = port;
  }

  async start(): Promise<void> {
    const main = fileURLToPath(new URL('../support/nodes/receiver-main.js', import.meta.url));
    this.#process = fork(main, [this.#file, String(this.port)]);
    await once(this.#process, 'message');
  }

  async kill(): Promise<void> {
    const killed = this.#process;
    this.#process = undefined;
    if (killed === undefined) return;
    killed.kill('SIGKILL');
    await once(killed, 'exit');
  }

  /** What it was told, in order. The last line may be cut. */
  told(): Told[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Told);
  }
}

for (const storage of durableStorages) {
  test(`no event is lost to kill -9 of node and receiver (${storage})`, async (t) => {
    const [seed] = seedsToPlay([], 1) as [number];
    t.comment(`SEED=${seed}`);
    const random = new Random(seed);
    const receiver = new Receiver(join(await folder(t), 'told'), await freePort());
    t.teardown(() => receiver.kill());
    await receiver.start();
    const env = {
      ...(await storageEnv(t, storage)),
      JWT_SECRET: secret,
      WEBHOOK_URL: `http://127.0.0.1:${receiver.port}/`,
      WEBHOOK_SECRET: 'a secret of the receiver, 32 characters or more',
      WEBHOOK_DEBOUNCE_MS: '30',
      WEBHOOK_RETRY_MS: '50',
      WEBHOOK_LEASE_MS: '500',
    };
    let node = await startServer(env);
    t.teardown(() => node.kill('SIGKILL'));
    for (let round = 1; round <= kills; round++) {
      await write(node, random, round);
      await sleep(random.below(150));
      const killsReceiver = random.below(2) === 0;
      if (killsReceiver) await receiver.kill();
      await node.kill('SIGKILL');
      node = await startServer(env);
      if (killsReceiver) await receiver.start();
      // Now and then all of it arrives; else events of several rounds are under way.
      if (round % 4 === 0) await allTold(node, receiver);
    }
    await allTold(node, receiver);
    checkOrder(t, receiver.told());
  });
}

/** Acknowledged when it resolves. */
async function write(node: ServerProcess, random: Random, round: number): Promise<void> {
  const backend = new Backend(node);
  const writes = Array.from({ length: 1 + random.below(4) }, async (_, i) => {
    const status = await backend.status('PATCH', `/documents/d${random.below(documents)}`, { [`${round}-${i}`]: i });
    if (status !== '204') throw new Error(status);
  });
  await Promise.all(writes);
}

async function allTold(node: ServerProcess, receiver: Receiver): Promise<void> {
  const { changes } = await readChanges(node, { limit: 1_000 });
  await until('the last commit of each document', () => {
    const told = receiver.told();
    return changes.every(({ documentId, commit }) =>
      told.some((event) => event.documentId === documentId && event.commit >= commit),
    );
  });
}

/** An event may come again; each first comes after those of before. */
function checkOrder(t: Test, told: readonly Told[]): void {
  const ids = new Set<string>();
  const last = new Map<string, number>();
  let repeats = 0;
  for (const { id, documentId, commit } of told) {
    if (ids.has(id)) {
      repeats++;
      continue;
    }
    ids.add(id);
    t.ok(commit > (last.get(documentId) ?? 0), `${documentId} at ${commit}`);
    last.set(documentId, commit);
  }
  t.comment(`${told.length} calls, ${repeats} repeats`);
}
