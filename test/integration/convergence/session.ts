/** One random session: what its clients do follows from the seed, what the network and the server make of it does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelClient, type SentMessage } from '../../support/clients/model-client.js';
import { canonical } from '../../support/clients/model-document.js';
import { Random } from '../../support/random.js';
import { ExpectedStates } from '../../support/values/write-order.js';
import { until } from '../../support/nodes/server.js';
import { agreedState } from '../../support/parts/fresh-state.js';

/** The nodes of the session; one may be a new process at another port after a restart. */
export interface SessionServer {
  readonly urls: readonly string[];
  /** A text that its storage takes and that is as odd as any. */
  readonly oddText: string;
  /** Restarts a node. */
  restart(node: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface SessionResult {
  /** State of each document on the server, as comparable JSON. */
  readonly states: ReadonlyMap<string, string>;
  /** Clients that hold something else, and answers that were against the protocol. */
  readonly problems: readonly string[];
  /** What the clients did. */
  readonly story: readonly string[];
}

const HOUR_MS = 3_600_000;
/** A clock that is less ahead is believed, with a margin for the time that messages take. */
const BELIEVED_MS = 50_000;
/** Ticks of the server's stamps (protocol.md section 3) in a millisecond. */
const TICKS_PER_MS = 1024;
const oddFields = ['a.b', '', 'ключ', '__proto__', '𐐷\ue000'];

/** @param restarts Whether the server may be restarted; nobody else should use it then. */
export async function playSession(seed: number, server: SessionServer, restarts: boolean): Promise<SessionResult> {
  const session = new Session(seed, server, restarts);
  try {
    return await session.play();
  } finally {
    session.end();
  }
}

interface Player {
  readonly client: ModelClient;
  readonly skewMs: number;
  /** Everything it ever wrote. */
  readonly written: SentMessage[];
  /** Where it connected last. */
  node: number;
  /** What it has not sent on this connection, in no order. */
  unsent: SentMessage[];
}

class Session {
  readonly #random: Random;
  readonly #server: SessionServer;
  readonly #documents: readonly string[];
  /** Few make conflicts; of many, one that is missing is not written over. */
  readonly #fields: readonly string[];
  readonly #players: readonly Player[];
  readonly #isRight: boolean;
  readonly #story: string[] = [];
  /** Where nodes did not come to hold the same. */
  readonly #apart: string[] = [];
  #restartsLeft: number;
  #values = 0;

  constructor(seed: number, server: SessionServer, restarts: boolean) {
    const random = new Random(seed);
    this.#random = random;
    this.#server = server;
    this.#restartsLeft = restarts ? random.between(1, 2) : 0;
    this.#documents = ['a', 'b'].slice(0, random.between(1, 2)).map((name) => `session-${seed}-${name}`);
    this.#fields = [...oddFields, ...Array.from({ length: random.below(25) }, (_, i) => `f${i}`)];
    // Whose clock is wrong, or counts from afar, is dated by what it has seen (ORD7, ORD8): who wins then is not told by
    // the writes alone.
    this.#isRight = random.once(3);
    const farAhead = random.once(2);
    this.#players = Array.from({ length: random.between(3, 5) }, (_, i) => {
      const skewMs = this.#isRight || random.once(3) ? 0 : random.between(-HOUR_MS, farAhead ? HOUR_MS : BELIEVED_MS);
      const client = new ModelClient({
        clientId: `c${i}-${random.pick(['x', 'ü', '\ue000', '𐐷'])}`,
        encoding: random.pick(['binary', 'json']),
        supportsBatch: random.once(2),
        now: () => Date.now() + skewMs,
        // Some have heard from a node whose clock is ahead. Not where they move: a plain subscribe does not tell the next
        // node what they have seen (docs/architecture.md, "Clocks").
        ...(!this.#isRight && random.once(6) && server.urls.length === 1
          ? { firstCount: (Date.now() + random.below(BELIEVED_MS)) * TICKS_PER_MS }
          : {}),
        ...(random.once(2) ? { lag: new Random(seed + i) } : {}),
      });
      return { client, skewMs, written: [], node: 0, unsent: [] };
    });
  }

  async play(): Promise<SessionResult> {
    for (const player of this.#players) await this.#connect(player);
    for (let steps = this.#random.between(30, 90); steps > 0; steps--)
      await this.#step(this.#random.pick(this.#players));
    const states = await this.#rest();
    const problems = [
      ...(await this.#differences(states)),
      ...this.#wrongWinners(states),
      ...this.#apart,
      ...this.#players.flatMap(({ client }) => client.problems),
    ];
    return { states, problems, story: this.#story };
  }

  end(): void {
    for (const { client } of this.#players) client.disconnect();
  }

  async #step(player: Player): Promise<void> {
    const { client } = player;
    const dice = this.#random.below(100);
    if (dice < 40) this.#write(player);
    else if (dice < 50) this.#flush(player);
    else if (dice < 55) this.#players.forEach((each) => this.#flush(each));
    else if (dice < 60) this.#repeat(player);
    else if (dice < 62) client.askForOperations(this.#random.pick(this.#documents));
    else if (dice < 80) await sleep(this.#random.below(10));
    else if (dice < 88) await this.#toggle(player);
    else if (dice < 97) await this.#reconnect(player);
    else if (this.#restartsLeft > 0) await this.#restart();
  }

  #write(player: Player): void {
    const { client, written, unsent } = player;
    const documentId = this.#random.pick(this.#documents);
    const names = this.#random.shuffle(this.#fields).slice(0, this.#random.between(1, 3));
    const message = client.write(
      documentId,
      names.map((field) => [field, this.#value(client.clientId)] as const),
    );
    written.push(message);
    unsent.push(message);
    this.#tell(client, `writes ${message.messageId}`);
    if (this.#random.once(2)) this.#flush(player);
  }

  /** Sends what was not sent, in any order, some of it twice. */
  #flush(player: Player): void {
    const { client } = player;
    if (!client.connected) return;
    const messages = this.#random.shuffle(player.unsent);
    player.unsent = [];
    for (const message of messages) {
      this.#tell(client, `sends ${message.messageId}`);
      client.transmit(message);
      if (this.#random.once(6)) client.transmit(message);
    }
  }

  /** The network repeats something old. */
  #repeat({ client, written, unsent }: Player): void {
    const message = written.length === 0 ? undefined : this.#random.pick(written);
    if (message === undefined || unsent.includes(message)) return;
    this.#tell(client, `repeats ${message.messageId}`);
    client.transmit(message);
  }

  async #toggle(player: Player): Promise<void> {
    if (!player.client.connected) {
      await this.#connect(player);
      return;
    }
    this.#tell(player.client, 'disconnects');
    player.client.disconnect();
  }

  async #reconnect(player: Player): Promise<void> {
    if (player.client.connected) await this.#toggle(player);
    await this.#toggle(player);
  }

  async #connect(player: Player): Promise<void> {
    const { client } = player;
    const { urls } = this.#server;
    const node = urls.length === 1 ? 0 : this.#random.below(urls.length);
    player.node = node;
    if (urls.length > 1) this.#tell(client, `goes to node ${node}`);
    await client.connect(urls[node]!);
    if (this.#random.once(3)) {
      // What it writes subscribes it before it asks for anything.
      player.unsent = [...client.unacked.values()];
      this.#flush(player);
      await sleep(this.#random.below(10));
      if (!client.connected) return;
    }
    for (const documentId of this.#documents) {
      const how = this.#random.pick(['subscribe', 'state', 'vector', 'vector', 'vector', 'vector'] as const);
      this.#tell(client, `connects and asks for ${documentId} by ${how}`);
      client.open(documentId, how);
    }
    player.unsent = [...client.unacked.values()];
    if (this.#random.once(2)) this.#flush(player);
  }

  async #restart(): Promise<void> {
    this.#restartsLeft--;
    const signal = this.#random.pick(['SIGTERM', 'SIGKILL'] as const);
    const { length } = this.#server.urls;
    const node = length === 1 ? 0 : this.#random.below(length);
    this.#story.push(`node ${node} is restarted with ${signal}`);
    await this.#server.restart(node, signal);
    const there = this.#players.filter((player) => player.node === node);
    await until('all clients to notice', () => there.every(({ client }) => !client.connected));
  }

  /** Everybody is connected and acknowledged, and nothing is under way to the server. Returns the server's states. */
  async #rest(): Promise<Map<string, string>> {
    this.#story.push('rest');
    for (const player of this.#players) {
      if (!player.client.connected) await this.#connect(player);
      this.#flush(player);
    }
    for (const { client } of this.#players) {
      await until(`acks for ${[...client.unacked.keys()].join()}`, () => client.unacked.size === 0);
      await client.barrier();
    }
    const states = new Map<string, string>();
    for (const documentId of this.#documents) {
      const { state, apart } = await agreedState(this.#server.urls, documentId);
      states.set(documentId, state);
      this.#apart.push(...apart);
    }
    return states;
  }

  /** What clients hold once they have heard everything, where it is not what the server holds. */
  async #differences(states: ReadonlyMap<string, string>): Promise<string[]> {
    const differences = (): string[] =>
      this.#players.flatMap(({ client }) =>
        [...states].flatMap(([documentId, state]) => {
          const { live } = client.document(documentId);
          if (live === state) return [];
          const histories = this.#differing(live, state).flatMap((field) => this.#historyOf(documentId, field));
          return [[`${documentId} of ${client.clientId}: ${live}`, `instead of ${state}`, ...histories].join('\n  ')];
        }),
      );
    try {
      await until('equal states', () => differences().length === 0, 10_000);
    } catch {
      // Told below.
    }
    return differences();
  }

  #differing(live: string, state: string): string[] {
    const [shown, held] = [live, state].map((json) => JSON.parse(json) as Record<string, unknown>);
    return this.#fields.filter((field) => canonical({ value: shown?.[field] }) !== canonical({ value: held?.[field] }));
  }

  #historyOf(documentId: string, field: string): string[] {
    return this.#players.flatMap(({ client }) =>
      client
        .document(documentId)
        .historyOf(field)
        .map((line) => `${JSON.stringify(field)} of ${client.clientId}: ${line}`),
    );
  }

  /** ORD1: what the server should hold by the order of all writes, where all clocks are right. */
  #wrongWinners(states: ReadonlyMap<string, string>): string[] {
    if (!this.#isRight) return [];
    const expected = new ExpectedStates();
    for (const { client, written } of this.#players) {
      for (const message of written) expected.add(client.clientId, message);
    }
    return [...states].flatMap(([documentId, state]) => {
      const live = expected.live(documentId);
      return live === state ? [] : [`${documentId} on the server: ${state}\n  instead of ${live}`];
    });
  }

  #value(clientId: string): unknown {
    if (this.#random.once(5)) return { __deleted: true };
    const unique = `${clientId}#${++this.#values}`;
    return this.#random.pick([
      unique,
      { by: unique, deep: [{ '': null }, this.#server.oddText] },
      null,
      this.#values,
      [unique],
    ]);
  }

  #tell(client: ModelClient, what: string): void {
    this.#story.push(`${client.clientId} ${what}`);
  }
}
