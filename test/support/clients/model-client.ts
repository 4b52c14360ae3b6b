/** A client that holds documents by the rules of the SDKs, keeps what is not acknowledged, and may have a bad network. */
import { binaryFrame, RawClient, type ClientOptions, type Incoming } from './client.js';
import { ModelDocument, type Clock } from './model-document.js';
import type { Random } from '../random.js';
import { until } from '../nodes/server.js';

export interface ModelClientOptions {
  readonly clientId: string;
  readonly encoding: 'binary' | 'json';
  /** Writes with `delta_batch`, and sometimes in chunks. */
  readonly supportsBatch: boolean;
  /** Its clock; default `Date.now`. */
  readonly now?: () => number;
  /** What it counts its writes from; default 0. */
  readonly firstCount?: number;
  /** Names neither itself nor a clock in what it writes. */
  readonly clockless?: boolean;
  /** With it, messages reach the client after a while, in order; what is under way when it disconnects is lost. */
  readonly lag?: Random;
}

/** A message of writes as it is kept until it is acknowledged. */
export interface SentMessage {
  readonly messageId: string;
  readonly documentId: string;
  readonly changes: readonly (readonly [field: string, value: unknown])[];
  readonly clock: Clock;
  readonly timestamp: number;
}

/** How a client asks for a document. */
export type Opening = 'subscribe' | 'state' | 'vector';

interface Request {
  readonly documentId: string;
  readonly how: Opening;
}

const CHUNK_BYTES = 100;
const RETRY_MS = 50;
const retryable = ['RATE_LIMIT_EXCEEDED', 'STORAGE_UNAVAILABLE'];

export class ModelClient {
  readonly documents = new Map<string, ModelDocument>();
  readonly unacked = new Map<string, SentMessage>();
  /** What the server answered that it should not have. */
  readonly problems: string[] = [];
  onAcked: (message: SentMessage) => void = () => undefined;
  readonly #options: ModelClientOptions;
  #connection: RawClient | undefined;
  #inbox: Incoming[] = [];
  #synced = new Set<string>();
  #requests = new Map<string, Request>();
  /** The last stamp of each document on this connection. */
  #stamps = new Map<string, number>();
  #messages = 0;
  #batches = 0;
  #pongs = 0;

  constructor(options: ModelClientOptions) {
    this.#options = options;
  }

  get clientId(): string {
    return this.#options.clientId;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** That of now. */
  get connection(): RawClient | undefined {
    return this.#connection;
  }

  document(documentId: string): ModelDocument {
    let document = this.documents.get(documentId);
    if (document === undefined) {
      document = new ModelDocument({ [this.clientId]: this.#options.firstCount ?? 0 }, this.#options.clockless);
      this.documents.set(documentId, document);
    }
    return document;
  }

  /** Whether the document was asked for and the answer came, on this connection. */
  isSynced(documentId: string): boolean {
    return this.#synced.has(documentId);
  }

  /** @throws When there is nobody, or not in time. */
  async connect(url: string, options: ClientOptions = {}): Promise<void> {
    const connection = await RawClient.connect(url, { ...options, encoding: this.#options.encoding });
    this.#connection = connection;
    connection.onMessage = (message) => {
      connection.messages.length = 0;
      if (this.#connection === connection) this.#arrive(connection, message);
    };
    connection.socket.once('close', () => {
      if (this.#connection === connection) this.disconnect();
    });
    if (connection.closed !== undefined) this.disconnect();
  }

  /** Cuts the connection; what is on its way in either direction is lost. */
  disconnect(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#inbox = [];
    this.#requests.clear();
    this.#stamps.clear();
    this.#synced.clear();
    connection?.socket.terminate();
  }

  /** Asks for a document and for what changes in it. */
  open(documentId: string, how: Opening): void {
    const document = this.document(documentId);
    const vector = how === 'vector' ? { vectorClock: document.vector, clientId: this.clientId } : {};
    const id = this.#connection?.send(how === 'subscribe' ? 'subscribe' : 'sync_request', { documentId, ...vector });
    if (id !== undefined) this.#requests.set(id, { documentId, how });
  }

  /** Asks for what it has not seen, without subscribing. */
  askForOperations(documentId: string): void {
    this.#connection?.send('sync_step1', { documentId, stateVector: this.document(documentId).vector });
  }

  /** Writes locally, and keeps the message until it is acknowledged; `transmit` sends it. */
  write(documentId: string, changes: readonly (readonly [field: string, value: unknown])[]): SentMessage {
    const clock = this.document(documentId).write(this.clientId, changes);
    const messageId = `${this.clientId}-${++this.#messages}`;
    const message = { messageId, documentId, changes, clock, timestamp: (this.#options.now ?? Date.now)() };
    this.unacked.set(messageId, message);
    return message;
  }

  /** Sends a message, again or for the first time. */
  transmit(message: SentMessage): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { messageId, documentId, changes, timestamp } = message;
    const { supportsBatch, clockless, clientId } = this.#options;
    const writer = clockless === true ? {} : { clientId };
    const clock = clockless === true ? {} : { clock: message.clock };
    if (supportsBatch) {
      const deltas = changes.map(([field, value]) => ({
        ...{ type: 'set', documentId, field, value, timestamp },
        ...writer,
        ...clock,
      }));
      this.#sendBatch(connection, { documentId, messageId, deltas }, timestamp);
    } else if (changes.length === 1) {
      const [field, value] = changes[0]!;
      connection.send('delta', { documentId, messageId, field, value, ...writer, ...clock }, timestamp);
    } else {
      const vectorClock = clockless === true ? {} : { vectorClock: message.clock };
      const delta = Object.fromEntries(changes);
      connection.send('delta', { documentId, messageId, delta, ...writer, ...vectorClock }, timestamp);
    }
  }

  resend(): void {
    for (const message of this.unacked.values()) this.transmit(message);
  }

  /** Resolves when the server has read all that was sent, and all that it said meanwhile has arrived. */
  async barrier(): Promise<void> {
    const before = this.#pongs;
    this.#connection?.send('ping');
    await until(`${this.clientId} to hear a pong`, () => this.#pongs > before);
  }

  #sendBatch(connection: RawClient, batch: Record<string, unknown>, timestamp: number): void {
    if (++this.#batches % 8 !== 0) {
      connection.send('delta_batch', batch, timestamp);
      return;
    }
    const whole =
      this.#options.encoding === 'binary'
        ? binaryFrame('delta_batch', batch, timestamp)
        : Buffer.from(JSON.stringify({ type: 'delta_batch', id: 'chunked', timestamp, ...batch }));
    const totalChunks = Math.ceil(whole.length / CHUNK_BYTES);
    for (let chunkIndex = 0; chunkIndex < totalChunks; chunkIndex++) {
      const part = whole.subarray(chunkIndex * CHUNK_BYTES, (chunkIndex + 1) * CHUNK_BYTES);
      const chunkId = `chunks-${this.#batches}`;
      connection.send('delta_batch_chunk', { chunkId, totalChunks, chunkIndex, data: part.toString('base64') });
    }
  }

  #arrive(connection: RawClient, message: Incoming): void {
    const { lag } = this.#options;
    if (lag === undefined) {
      this.#take(message);
      return;
    }
    this.#inbox.push(message);
    if (this.#inbox.length === 1) this.#schedule(connection, lag);
  }

  #schedule(connection: RawClient, lag: Random): void {
    setTimeout(() => {
      if (this.#connection !== connection) return;
      for (const message of this.#inbox.splice(0, lag.between(1, this.#inbox.length))) this.#take(message);
      if (this.#inbox.length > 0) this.#schedule(connection, lag);
    }, lag.below(6));
  }

  #take(message: Incoming): void {
    try {
      this.#receive(message);
    } catch (error) {
      this.problems.push(`${message.type}: ${String(error)}`);
    }
  }

  #receive(message: Incoming): void {
    switch (message.type) {
      case 'delta':
        this.#checkOrder(message);
        this.#set(message);
        // Plain clients acknowledge every delta they get.
        this.#connection?.send('ack', { messageId: message['id'] });
        return;
      case 'delta_batch':
        for (const entry of message['deltas'] as Incoming[]) this.#set(entry);
        return;
      case 'sync_step2':
        for (const entry of message['operations'] as Incoming[]) this.#set(entry);
        this.document(message['documentId'] as string).raise(message['clock']);
        return;
      case 'sync_response':
        this.#receiveState(message);
        return;
      case 'ack':
        this.#acknowledge(message['messageId'] as string);
        return;
      case 'pong':
        this.#pongs++;
        return;
      case 'error':
        this.#refused(message);
        return;
      default:
        throw new Error('nobody asked for it');
    }
  }

  /** FAN2; clients that change from `delta` to `delta_batch` may get what they had once more. */
  #checkOrder({ documentId, clock }: Incoming): void {
    const stamp = (clock as Record<string, number>)['server'] ?? 0;
    const last = this.#stamps.get(documentId as string) ?? 0;
    if (stamp < last && !this.#options.supportsBatch) throw new Error(`FAN2: ${stamp} came after ${last}`);
    this.#stamps.set(documentId as string, stamp);
  }

  #set(entry: Readonly<Record<string, unknown>>): void {
    const { documentId, field, value, clock, clientId } = entry;
    this.document(documentId as string).receive(field as string, value, clock, clientId as string);
  }

  #receiveState(message: Incoming): void {
    const request = this.#requests.get(message['requestId'] as string);
    if (request === undefined || request.documentId !== message['documentId']) throw new Error('it answers no request');
    const { documentId } = request;
    const document = this.document(documentId);
    const { state, deltas, clock } = message;
    if (state !== undefined) document.receiveState(state as Record<string, unknown>, clock);
    for (const entry of deltas as Incoming[]) this.#set(entry);
    // The entries of its clock count only now: they cover the deltas.
    if (state === undefined) document.raise(clock);
    this.#synced.add(documentId);
  }

  #acknowledge(messageId: string): void {
    const message = this.unacked.get(messageId);
    if (message === undefined) return;
    this.unacked.delete(messageId);
    this.onAcked(message);
  }

  #refused(message: Incoming): void {
    const { code, messageId } = message['details'] as { code: string; messageId?: string };
    if (code === 'SHUTTING_DOWN') return;
    const refused = messageId === undefined ? undefined : this.unacked.get(messageId);
    const request = messageId === undefined ? undefined : this.#requests.get(messageId);
    if (!retryable.includes(code) || (refused ?? request) === undefined) throw new Error(JSON.stringify(message));
    const connection = this.#connection;
    setTimeout(() => {
      if (refused !== undefined && this.unacked.has(refused.messageId)) this.transmit(refused);
      if (request !== undefined && this.#connection === connection) this.open(request.documentId, request.how);
    }, RETRY_MS);
  }
}
