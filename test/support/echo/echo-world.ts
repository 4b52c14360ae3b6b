/**
 * A shard and its clients in one thread, with a time of their own: links with delays in both directions, in order;
 * writes, reads, reconnections, writes sent again, writes of another node. A seed repeats a world.
 */
import { mock } from 'node:test';
import type { Bus, BusEvents } from '../../../src/cluster/port.js';
import { isWrite, recordKinds, variants, type ReadRecord, type WriteRecord } from '../../../src/messages/task.js';
import type { Incoming } from '../clients/client.js';
import { Random } from '../random.js';
import { origin, ShardDriver, subscribe, toOne, write } from '../parts/shard-driver.js';
import { clientKinds, EchoClient } from './echo-client.js';

const DOCUMENT = 'd';
const START = 1_800_000_000_000;
const fields = ['f', 'g', 'h'];

type ClientRecord = WriteRecord | ReadRecord;

/** One client's way to the server and back. */
interface Link {
  readonly client: EchoClient;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** When the last message arrives, either way: none overtakes another. */
  upAt: number;
  downAt: number;
  subscribed: boolean;
}

const interest = { kind: recordKinds.interest, isOld: false } as const;

interface Event {
  readonly at: number;
  readonly place: number;
  readonly run: () => void;
}

const quietBus: Bus = {
  connected: true,
  publish: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  publishAwareness: () => undefined,
  followAwareness: () => undefined,
  unfollowAwareness: () => undefined,
  close: () => Promise.resolve(),
};

export class EchoWorld {
  readonly #random: Random;
  readonly #driver: ShardDriver;
  readonly #links = new Map<number, Link>();
  readonly #arrived: ClientRecord[] = [];
  #events: Event[] = [];
  #bus: BusEvents | undefined;
  #taken = 0;
  #sessions = 0;
  #places = 0;
  #values = 0;
  #commits = 0;
  #now = START;

  constructor(seed: number, maxEchoFields = 10_000) {
    this.#random = new Random(seed);
    const isCluster = this.#random.once(2);
    const openBus = (events: BusEvents): Bus => {
      this.#bus = events;
      return quietBus;
    };
    // Where there is room for nothing, a document is loaded anew for each write that finds it idle.
    const maxLoadedBytes = this.#random.once(3) ? 1 : 100_000_000;
    this.#driver = new ShardDriver({ maxEchoFields, maxLoadedBytes, ...(isCluster ? { openBus } : {}) });
  }

  /** Plays a world to its end. @returns Who shows something else than the server holds. */
  static async play(seed: number, maxEchoFields?: number): Promise<string[]> {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now: START });
    try {
      return await new EchoWorld(seed, maxEchoFields).#play();
    } finally {
      mock.timers.reset();
    }
  }

  async #play(): Promise<string[]> {
    const random = this.#random;
    if (random.once(2)) this.#driver.give({ [DOCUMENT]: [interest] });
    const count = random.between(1, 4);
    for (let i = 0; i < count; i++) this.#join(i);
    const endAt = START + random.between(500, 4_000);
    this.#schedule(random.below(300), () => this.#act(endAt));
    while (this.#events.length > 0) await this.#step();
    // All that is owed comes within a pause.
    for (let i = 0; i < 30 || this.#events.length > 0; i++) {
      await this.#advance(500);
      while (this.#events.length > 0) await this.#step();
    }
    return this.#differences();
  }

  #join(number: number): void {
    const random = this.#random;
    const offMs = random.pick([0, 0, 0, -300_000, 120_000, -200, 30_000]);
    const client = new EchoClient(`c${number}`, random.pick(clientKinds), ++this.#sessions, offMs);
    const latencyMs = random.pick([1, 10, 40, 100, 300]);
    this.#open(client, latencyMs, [client.subscribe()]);
  }

  #open(client: EchoClient, latencyMs: number, first: readonly ClientRecord[]): void {
    const jitterMs = this.#random.pick([0, latencyMs]);
    const link: Link = { client, latencyMs, jitterMs, upAt: 0, downAt: 0, subscribed: false };
    this.#links.set(client.session, link);
    for (const record of first) this.#sendUp(link, record);
  }

  #act(endAt: number): void {
    const random = this.#random;
    if (this.#now >= endAt) return;
    const link = random.pick([...this.#links.values()]);
    const what = random.below(40);
    if (what < 30) this.#type(link, random.pick(fields.slice(0, random.between(1, 3))));
    else if (what < 32) this.#sendUp(link, link.client.subscribe());
    else if (what < 33) this.#reconnect(link);
    else if (what < 34) for (const record of link.client.resend()) this.#sendUp(link, record);
    else if (what < 37) this.#remoteWrite();
    else this.#driver.give({ other: [write(9_998, { field: 'f', value: what, clientId: 'z', clock: { z: what } })] });
    this.#schedule(random.pick([1, 10, 60, 60, 60, 400]), () => this.#act(endAt));
  }

  #type(link: Link, field: string): void {
    const { client } = link;
    const value = this.#random.once(6) ? { __deleted: true } : `${client.clientId} ${++this.#values}`;
    client.write(field, value);
    const pauseMs = client.kind === 'delta_batch' ? 50 : 0;
    this.#schedule(pauseMs, () => {
      if (this.#links.get(client.session) !== link) return;
      for (const record of client.flush()) this.#sendUp(link, record);
    });
  }

  /** What is on its way is lost. */
  #reconnect({ client, latencyMs }: Link): void {
    client.flush();
    this.#links.delete(client.session);
    this.#open(client, latencyMs, client.reconnect(++this.#sessions));
  }

  /** Another node has committed a write, stamped by a clock of its own. */
  #remoteWrite(): void {
    const off = this.#random.pick([0, -2_000, 2_000]);
    const timestamp = this.#now - this.#random.below(400);
    const stamp = (this.#now + off) * 1024;
    const row = {
      path: this.#random.pick(fields),
      value: `"other node ${++this.#values}"`,
      ...{ deleted: false, timestamp, counter: 1, clientId: this.#random.pick(['x', 'c0', 'y']), stamp },
    };
    this.#bus?.onUpdate({
      documentId: DOCUMENT,
      ...{ stamp, fields: [row], text: undefined, relays: [], commit: ++this.#commits },
    });
  }

  #sendUp(link: Link, record: ClientRecord): void {
    link.upAt = Math.max(this.#now + this.#delayOf(link), link.upAt);
    this.#schedule(link.upAt - this.#now, () => {
      if (this.#links.get(record.origin.session) !== link) return;
      link.subscribed = true;
      this.#arrived.push(record);
      // Some flushes hold what came in a while.
      this.#schedule(this.#random.pick([0, 0, 30]), () => this.#handOver());
    });
  }

  #handOver(): void {
    const records = this.#arrived.splice(0);
    if (records.length === 0) return;
    const open = [...this.#links.values()].filter(({ subscribed }) => subscribed);
    const wanted = open.reduce((bits, { client }) => bits | variantOf(client) | variants.binaryAny, 0);
    const isAlone =
      open.length === 1 && records.every(({ origin: { session } }) => session === open[0]!.client.session);
    const interests = this.#bus === undefined ? [] : [interest];
    this.#driver.give({ [DOCUMENT]: [...interests, ...records] }, wanted, isAlone && records.some(isWrite));
  }

  /** Sends on what the shard has answered, as the acceptor does. */
  #deliver(): void {
    for (const sent of this.#driver.sent.slice(this.#taken)) {
      if (sent.message['documentId'] === 'other') continue;
      if (sent.to === 'one') {
        const link = this.#links.get(sent.session);
        if (link !== undefined) this.#sendDown(link, sent.message);
        continue;
      }
      for (const [session, link] of this.#links) {
        const isFor = link.subscribed && session !== sent.except && variantOf(link.client) === sent.variant;
        if (isFor) this.#sendDown(link, sent.message);
      }
    }
    this.#taken = this.#driver.sent.length;
  }

  #sendDown(link: Link, message: Incoming): void {
    link.downAt = Math.max(this.#now + this.#delayOf(link), link.downAt);
    this.#schedule(link.downAt - this.#now, () => {
      if (this.#links.get(link.client.session) === link) link.client.receive(message);
    });
  }

  #delayOf({ latencyMs, jitterMs }: Link): number {
    return latencyMs + this.#random.below(jitterMs + 1);
  }

  #schedule(afterMs: number, run: () => void): void {
    this.#events.push({ at: this.#now + afterMs, place: this.#places++, run });
  }

  async #step(): Promise<void> {
    const next = this.#events.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.place < a.place) ? b : a));
    this.#events = this.#events.filter((event) => event !== next);
    if (next.at > this.#now) await this.#advance(next.at - this.#now);
    next.run();
    await this.#settle();
  }

  async #advance(ms: number): Promise<void> {
    this.#now += ms;
    mock.timers.tick(ms);
    await this.#settle();
  }

  /** Lets commits and loads end. */
  async #settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#deliver();
  }

  async #differences(): Promise<string[]> {
    const links = [...this.#links.values()];
    const before = this.#driver.sent.length;
    this.#driver.give({ [DOCUMENT]: [subscribe(origin(9_999, { supportsBatch: true }))] });
    await new Promise((resolve) => setImmediate(resolve));
    const [answer] = toOne(this.#driver.sent.slice(before), 9_999);
    const state = answer?.message['state'] as Record<string, unknown>;
    return links.flatMap(({ client }) =>
      fields.flatMap((field) => {
        const held = JSON.stringify(state[field] ?? null);
        const shown = client.shown(field);
        const unacked = client.unacked > 0 ? [`${client.clientId} has ${client.unacked} unacknowledged`] : [];
        const name = `${client.clientId} (${client.kind}, ${client.offMs} ms)`;
        return shown === held ? unacked : [...unacked, `${name} shows ${field}=${shown}, the server holds ${held}`];
      }),
    );
  }
}

function variantOf({ kind }: EchoClient): number {
  return kind === 'delta_batch' ? variants.binaryBatch : variants.binaryDelta;
}
