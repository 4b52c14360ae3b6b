/**
 * Four clients edit one text over the real server, with delays, and the first half of the time with lost connections,
 * drains and `kill -9`: at rest every client has the same text, and so has who comes later. A client that connects anew
 * asks for the whole text, so in the second half nobody does: what they are told by the way has to do. One is away
 * meanwhile and comes back without asking. `SEEDS=1000` plays more sessions, `SEED=…` repeats one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import tap, { test } from 'tap';
import { RawClient } from '../support/clients/client.js';
import { folder } from '../support/nodes/fixture.js';
import { Random, seedsToPlay } from '../support/random.js';
import { startServer, until, type ServerProcess } from '../support/nodes/server.js';
import { TextClient } from '../support/clients/text-client.js';
import { isContained, textOf } from '../support/values/text-states.js';

tap.setTimeout(600_000);

const CLIENTS = 4;
const STEPS = 120;
/** Sessions at a time, each with a document of its own. */
const TOGETHER = 25;
const phrases = [
  'a',
  ' ',
  'Hello',
  'fox ',
  '\n',
  '\r\n',
  '"q" \\',
  'é',
  'Привет',
  '日本',
  '🇫🇷🇩🇪',
  '👨‍👩‍👧‍👦',
  'क्ष',
  'a\u0301b',
];

/** The server of all sessions; restarts while they go on. */
class Home {
  server: ServerProcess | undefined;
  readonly #env: NodeJS.ProcessEnv;

  constructor(directory: string) {
    this.#env = {
      SYNCKIT_DATA_DIR: directory,
      SHARDS: '2',
      SYNCKIT_MAX_LOADED_BYTES: '64KiB',
      SHUTDOWN_DRAIN_MS: '100',
    };
  }

  /** Undefined while no server runs. */
  get url(): string | undefined {
    return this.server?.url;
  }

  async start(): Promise<void> {
    this.server = await startServer(this.#env);
  }

  async restart(signal: NodeJS.Signals): Promise<void> {
    await this.server?.kill(signal);
    this.server = undefined;
    await this.start();
  }
}

class Session {
  readonly clients: readonly TextClient[];
  readonly documentId: string;
  readonly #random: Random;
  readonly #home: Home;

  constructor(seed: number, home: Home) {
    this.#random = new Random(seed);
    this.#home = home;
    this.documentId = `text-${seed}`;
    this.clients = Array.from(
      { length: CLIENTS },
      (_, i) => new TextClient(`client-${i}`, this.documentId, { encoding: i % 2 === 0 ? 'binary' : 'json' }),
    );
    for (const client of this.clients) client.slow = true;
  }

  /** The first half, in which connections are lost and made. */
  async playRough(): Promise<void> {
    for (const client of this.clients) await this.#connect(client);
    for (let step = 0; step < STEPS / 2; step++) {
      const client = this.#random.pick(this.clients);
      const action = this.#random.below(100);
      if (action < 90) this.#act(client, action);
      else if (action < 92) client.drop();
      else await this.#connect(client);
      await this.#pause();
    }
  }

  /** Lets everybody connect who is not. */
  async gather(): Promise<void> {
    for (const client of this.clients) {
      await until(`${this.documentId} to have all its clients`, async () => {
        await this.#connect(client);
        return client.joined;
      });
    }
  }

  /** The second half, in which nobody connects, until all have come to rest. */
  async playCalm(): Promise<void> {
    const [away, ...present] = this.#random.shuffle(this.clients) as [TextClient, ...TextClient[]];
    away.drop();
    for (let step = 0; step < STEPS / 2; step++) {
      this.#act(this.#random.pick(present), this.#random.below(90));
      await this.#pause();
    }
    await this.#rest(present);
    await away.comeBack(this.#home.url ?? '');
    await this.#rest(this.clients);
  }

  /** @param action Below 90. */
  #act(client: TextClient, action: number): void {
    if (action < 45) this.#edit(client);
    else if (action < 65) client.send();
    else client.deliver(1);
  }

  async #pause(): Promise<void> {
    if (this.#random.once(3)) await sleep(this.#random.below(15));
  }

  #edit(client: TextClient): void {
    const { length } = client.replica;
    if (length > 0 && this.#random.below(100) < 45) {
      const position = this.#random.below(length);
      client.delete(position, this.#random.between(1, Math.min(8, length - position)));
    } else {
      client.insert(this.#random.between(0, length), this.#random.pick(phrases));
    }
  }

  async #connect(client: TextClient): Promise<void> {
    const { url } = this.#home;
    if (client.connected || url === undefined) return;
    // The server may go away meanwhile.
    await client.connect(url).catch(() => undefined);
  }

  /** Everything is sent, and everybody has taken what came of it. */
  async #rest(clients: readonly TextClient[]): Promise<void> {
    // All send before they take what the others sent: the last edits meet at the server.
    for (const client of clients) client.send();
    for (const client of this.#random.shuffle(clients)) {
      await sleep(this.#random.below(5));
      client.slow = false;
      client.deliver();
    }
    let again = 0;
    await until(
      `${this.documentId} to rest`,
      () => {
        for (const client of clients) client.send();
        const texts = new Set(clients.map(({ replica }) => replica.text()));
        again = texts.size === 1 && clients.every(({ settled }) => settled) ? again + 1 : 0;
        return again > 1;
      },
      60_000,
    );
  }
}

/** Of a client that comes when all is over. */
async function serverState(url: string, documentId: string): Promise<string> {
  const late = await RawClient.connect(url);
  const answer = await late.subscribe(documentId);
  late.socket.terminate();
  return (answer['textState'] as string | undefined) ?? '';
}

const seeds = seedsToPlay([7], 99);

void test(`TXT1, TXT2, TXT3, FAN4: ${seeds.length} sessions over the real server end with one text each`, async (t) => {
  const home = new Home(await folder(t));
  const sessions: Session[] = [];
  t.teardown(async () => {
    for (const { clients } of sessions) for (const client of clients) client.drop();
    await home.server?.kill('SIGKILL');
  });
  await home.start();
  let characters = 0;
  for (let first = 0; first < seeds.length; first += TOGETHER) {
    const group = seeds.slice(first, first + TOGETHER).map((seed) => new Session(seed, home));
    sessions.push(...group);
    const playing = Promise.all(group.map((session) => session.playRough()));
    await sleep(100);
    await home.restart(first % (2 * TOGETHER) === 0 ? 'SIGKILL' : 'SIGTERM');
    await playing;
    await Promise.all(group.map((session) => session.gather()));
    await Promise.all(group.map((session) => session.playCalm()));
    for (const { clients, documentId } of group) {
      const state = await serverState(home.url ?? '', documentId);
      const text = textOf(state);
      characters += text.length;
      for (const { replica, problems, acked } of clients) {
        const name = `${documentId}, ${replica.clientId}`;
        if (replica.text() !== text) t.equal(replica.text(), text, name);
        if (problems.length > 0) t.strictSame(problems, [], name);
        if (!acked.every((sent) => isContained(sent, state))) t.fail(`${name}: an acknowledged state is lost`);
      }
      for (const client of clients) client.drop();
    }
  }
  t.ok(characters > seeds.length, `${characters} characters are left`);
});
