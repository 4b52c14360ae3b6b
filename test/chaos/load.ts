/** Clients of every kind that write as fast as they are acknowledged, and report what they send and hear. */
import { RawClient } from '../support/clients/client.js';
import { ModelClient } from '../support/clients/model-client.js';
import { canonical } from '../support/clients/model-document.js';
import type { Random } from '../support/random.js';
import { until } from '../support/nodes/server.js';
import type { AckChecker } from './checker.js';

const kinds = [
  { clientId: 'binary-plain', encoding: 'binary', supportsBatch: false },
  { clientId: 'json-plain', encoding: 'json', supportsBatch: false },
  { clientId: 'binary-supportsBatch', encoding: 'binary', supportsBatch: true },
  { clientId: 'json-supportsBatch', encoding: 'json', supportsBatch: true },
  { clientId: 'binary-clockless', encoding: 'binary', supportsBatch: false, clockless: true },
  { clientId: 'json-clockless', encoding: 'json', supportsBatch: true, clockless: true },
  { clientId: 'hour-ahead', encoding: 'binary', supportsBatch: true, skewMs: 3_600_000 },
  { clientId: 'hour-behind', encoding: 'json', supportsBatch: false, skewMs: -3_600_000 },
] as const;

/** Their writes of a common field would not be in an order that is known here. */
const alone = ['binary-clockless', 'json-clockless', 'hour-ahead', 'hour-behind'];

export interface LoadOptions {
  /** Clients besides the writers, which only listen, each to one document; default none. */
  readonly watchers?: number;
  /** Messages of one client that wait for their acks. */
  readonly ahead?: number;
  /** Between two looks at whether a client may write more, in ms. */
  readonly tickMs?: number;
}

export class ChaosLoad {
  readonly documents: readonly string[] = Array.from({ length: 6 }, (_, i) => `chaos-${i}`);
  readonly clients: readonly ModelClient[];
  readonly #writers: readonly ModelClient[];
  readonly #checker: AckChecker;
  readonly #random: Random;
  readonly #ahead: number;
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | undefined;
  #values = 0;

  constructor(checker: AckChecker, random: Random, { watchers = 0, ahead = 20, tickMs = 2 }: LoadOptions = {}) {
    this.#checker = checker;
    this.#random = random;
    this.#ahead = ahead;
    this.#tickMs = tickMs;
    this.#writers = kinds.map((kind) => {
      const client = new ModelClient({ ...kind, now: growingClock('skewMs' in kind ? kind.skewMs : 0) });
      client.onAcked = (message) => checker.acked(client.clientId, message);
      return client;
    });
    const encodings = ['binary', 'json'] as const;
    const watching = Array.from({ length: watchers }, (_, i) => {
      return new ModelClient({ clientId: `watcher-${i}`, encoding: encodings[i % 2]!, supportsBatch: i % 4 < 2 });
    });
    this.clients = [...this.#writers, ...watching];
  }

  /** Messages that were sent and not acknowledged. */
  get unacked(): number {
    return this.clients.reduce((sum, { unacked }) => sum + unacked.size, 0);
  }

  get problems(): string[] {
    return this.clients.flatMap(({ clientId, problems }) => problems.map((problem) => `${clientId}: ${problem}`));
  }

  /** Connects those that are not, and sends again what was not acknowledged. */
  async connect(url: string): Promise<void> {
    for (const client of this.clients.filter(({ connected }) => !connected)) {
      await client.connect(url);
      this.resume(client);
    }
  }

  /** What a client does with a new connection: it opens its documents, and sends again what was not acknowledged. */
  resume(client: ModelClient): void {
    for (const documentId of this.documentsOf(client)) {
      client.open(documentId, this.#random.pick(['subscribe', 'state', 'vector']));
    }
    client.resend();
  }

  documentsOf(client: ModelClient): readonly string[] {
    const watcher = this.clients.indexOf(client) - this.#writers.length;
    return watcher < 0 ? this.documents : [this.documents[watcher % this.documents.length]!];
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#writers.forEach((client) => this.#write(client)), this.#tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends everything; for teardown. */
  end(): void {
    this.stop();
    for (const client of this.clients) client.disconnect();
  }

  /** Waits for some more acks, then until anywhere in between two of them. */
  async run(acks: number): Promise<void> {
    const enough = this.#checker.acks + acks;
    this.start();
    await until(`${acks} more acks`, () => this.#checker.acks >= enough);
    await new Promise((resolve) => setTimeout(resolve, this.#random.below(60)));
  }

  /** Acknowledged writes that the server does not hold. */
  async lost(url: string): Promise<string[]> {
    return withState(url, this.documents, (documentId) => {
      const floor = this.#checker.floor(documentId);
      return (state) => this.#checker.lost(documentId, state, floor);
    });
  }

  /** Lets everything come to rest; then what clients hold that differs from what the server holds. */
  async differences(url: string): Promise<string[]> {
    this.stop();
    await until('all acks', () => this.unacked === 0);
    await Promise.all(this.clients.map((client) => client.barrier()));
    const states = new Map<string, string>();
    await withState(url, this.documents, (documentId) => (state) => {
      states.set(documentId, canonical(state));
      return [];
    });
    const differing = (): string[] =>
      this.clients.flatMap((client) =>
        this.documentsOf(client)
          .map((documentId) => [client.document(documentId).live, states.get(documentId)])
          .filter(([held, state]) => held !== state)
          .map(([held, state]) => `${client.clientId}: ${held}\n  not ${state}`),
      );
    // What still differs after that is told.
    await until('equal states', () => differing().length === 0).catch(() => undefined);
    return differing();
  }

  #write(client: ModelClient): void {
    while (client.unacked.size < this.#ahead) {
      const changes = Array.from({ length: this.#random.between(1, 3) }, (_, i) => {
        const value = this.#random.once(8) ? { __deleted: true } : ++this.#values;
        return [this.#field(client.clientId, i), value] as const;
      });
      const message = client.write(this.#random.pick(this.documents), changes);
      this.#checker.sent(client.clientId, message);
      client.transmit(message);
    }
  }

  /** Mostly a field of its own. */
  #field(clientId: string, index: number): string {
    if (!alone.includes(clientId) && this.#random.once(4)) return `common-${index}`;
    return `${clientId}-${index}-${this.#random.below(4)}`;
  }
}

/** Reads documents as a new client; `prepare` is called before each is asked for. */
async function withState(
  url: string,
  documents: readonly string[],
  prepare: (documentId: string) => (state: Record<string, unknown>) => string[],
): Promise<string[]> {
  const reader = await RawClient.connect(url, { encoding: 'json' });
  try {
    const found: string[] = [];
    for (const documentId of documents) {
      const check = prepare(documentId);
      found.push(...check((await reader.subscribe(documentId))['state'] as Record<string, unknown>));
      reader.send('unsubscribe', { documentId });
      reader.messages.length = 0;
    }
    return found;
  } finally {
    reader.socket.terminate();
  }
}

/** No two writes of a client bear the same time. */
function growingClock(skewMs: number): () => number {
  let last = 0;
  return () => (last = Math.max(last + 1, Date.now() + skewMs));
}
