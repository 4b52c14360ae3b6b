/** Clients that live on whichever node lets them in, and move when theirs is gone, silent, or just so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelClient, type SentMessage } from '../../support/clients/model-client.js';
import type { Random } from '../../support/random.js';
import { TextClient } from '../../support/clients/text-client.js';
import { isContained } from '../../support/values/text-states.js';

/** What the kinds of clients differ in. */
export interface Wanderer {
  readonly name: string;
  readonly connected: boolean;
  /** Whether it has asked for everything, been answered, and everything it sent is acknowledged. */
  readonly settled: boolean;
  /** Acks so far. */
  readonly acks: number;
  readonly problems: readonly string[];
  /**
   * Connects, asks for its documents, and sends again what is not acknowledged.
   *
   * @returns How it asked.
   * @throws When nobody lets it in.
   */
  connect(url: string, random: Random): Promise<string>;
  /** Changes something, and sends it if there is a connection. */
  act(random: Random): void;
  /** Sends what is to be sent again, if this kind does not by itself. */
  nudge(): void;
  disconnect(): void;
}

/** Time that a node has to let a client in. */
export const CONNECT_TIMEOUT_MS = 700;
/** Fields that everybody writes, for conflicts. */
const CONTESTED = 8;
/** Fields that are rarely written again, so that what is missing once stays missing. */
const RARE = 300;

export interface Kind {
  readonly encoding: 'binary' | 'json';
  readonly supportsBatch: boolean;
}

export class FieldWanderer implements Wanderer {
  readonly client: ModelClient;
  readonly #documents: readonly string[];
  readonly #onSent: (clientId: string, message: SentMessage) => void;
  #acks = 0;
  #values = 0;

  constructor(
    readonly name: string,
    kind: Kind,
    documents: readonly string[],
    notes: {
      readonly sent: (clientId: string, message: SentMessage) => void;
      readonly acked: (clientId: string, message: SentMessage) => void;
    },
  ) {
    this.#documents = documents;
    this.#onSent = notes.sent;
    this.client = new ModelClient({ ...kind, clientId: name });
    this.client.onAcked = (message) => {
      this.#acks++;
      notes.acked(name, message);
    };
  }

  get connected(): boolean {
    return this.client.connected;
  }

  get settled(): boolean {
    const { client } = this;
    return this.connected && client.unacked.size === 0 && this.#documents.every((id) => client.isSynced(id));
  }

  get acks(): number {
    return this.#acks;
  }

  get problems(): readonly string[] {
    return this.client.problems;
  }

  async connect(url: string, random: Random): Promise<string> {
    const { client } = this;
    await client.connect(url, { connectTimeoutMs: CONNECT_TIMEOUT_MS });
    // Mostly it resumes from what it has; sometimes others' updates come before the answer, since it writes first.
    const writesFirst = random.once(2);
    if (writesFirst) {
      client.resend();
      await sleep(random.below(30));
    }
    const asked = this.#documents.map((documentId) => {
      const how = random.pick(['subscribe', 'state', 'vector', 'vector', 'vector', 'vector'] as const);
      client.open(documentId, how);
      return `${documentId} by ${how}`;
    });
    if (!writesFirst) client.resend();
    return `${asked.join(', ')}${writesFirst ? ', after its writes' : ''}`;
  }

  act(random: Random): void {
    const { client } = this;
    const changes = new Map(
      Array.from({ length: random.between(1, 3) }, () => {
        const value = random.once(6) ? { __deleted: true } : `${this.name}#${++this.#values}`;
        const field = random.once(3) ? `contested-${random.below(CONTESTED)}` : `rare-${random.below(RARE)}`;
        return [field, value] as const;
      }),
    );
    const message = client.write(random.pick(this.#documents), [...changes]);
    this.#onSent(this.name, message);
    client.transmit(message);
  }

  nudge(): void {
    // The model client sends again by itself.
  }

  disconnect(): void {
    this.client.disconnect();
  }
}

const phrases = ['a', ' ', 'word ', '\n', 'é', '日本', '👋🏽', '"q" \\'];

export class TextWanderer implements Wanderer {
  readonly client: TextClient;

  constructor(
    readonly name: string,
    documentId: string,
    encoding: 'binary' | 'json',
  ) {
    this.client = new TextClient(name, documentId, { encoding });
  }

  get connected(): boolean {
    return this.client.connected;
  }

  get settled(): boolean {
    return this.client.settled;
  }

  get acks(): number {
    return this.client.acked.length;
  }

  get problems(): readonly string[] {
    return this.client.problems;
  }

  get text(): string {
    return this.client.replica.text();
  }

  /** How many of its acknowledged states are not contained in another. */
  lostIn(state: string): number {
    return this.client.acked.filter((sent) => !isContained(sent, state)).length;
  }

  async connect(url: string): Promise<string> {
    await this.client.connect(url, { connectTimeoutMs: CONNECT_TIMEOUT_MS });
    this.client.send();
    return 'the text';
  }

  act(random: Random): void {
    const { client } = this;
    const { length } = client.replica;
    if (length > 0 && random.below(100) < 45) {
      const position = random.below(length);
      client.delete(position, random.between(1, Math.min(8, length - position)));
    } else {
      client.insert(random.between(0, length), random.pick(phrases));
    }
    client.send();
  }

  nudge(): void {
    this.client.send();
  }

  disconnect(): void {
    this.client.drop();
  }
}
