import { createHistogram } from 'node:perf_hooks';
import { Client, type Shared } from './client.js';
import {
  documentName,
  type ComeBackReply,
  type ComeBackRequest,
  type Counts,
  type Elapsed,
  type FillRequest,
  type OpenReply,
  type OpenRequest,
  type StopReply,
  type SubscribeRequest,
  type SyncReply,
  type SyncRequest,
  type TextRequest,
  type TypeRequest,
  type WriteRequest,
} from './commands.js';
import type { Dialect } from './dialects/dialect.js';
import { dialects } from './dialects/index.js';
import { messageFrame, type Template } from './frames.js';
import { Inflater } from './inflater.js';
import { Ledger, type Balance } from './ledger.js';
import { EMPTY_MARK, microsecondsNow } from './mark.js';
import { latencyOf, Tally } from './tally.js';
import { TextTemplate } from './text-template.js';
import { Writer, writePaced } from './writer.js';

/** Connections that are opened at the same time. */
const OPENING = 200;
/** Subscriptions that are under way at the same time. */
const SUBSCRIBING = 500;
/** Clients that are coming back at the same time: more would not fit into the queue of a listening socket. */
const COMING_BACK = 500;
/** Fields of one batch of `fill`. */
const BATCH_FIELDS = 1_000;
/** How long `stop` waits for acks. */
const ACKS_TIMEOUT_MS = 20_000;

/** All clients of a load process, and the commands that they carry out. */
export class Fleet {
  readonly #tally = new Tally();
  readonly #shared: Shared = {
    tally: this.#tally,
    ledger: undefined,
    disconnected: 0,
    firstError: '',
    now: 0,
    markOffset: 0,
    inflater: new Inflater(),
  };
  readonly #clients: Client[] = [];
  #dialect: Dialect = dialects.synckit;
  #writers: Writer[] = [];
  #written = new Float64Array(0);
  #stopPacing: () => void = () => undefined;
  #acks = true;

  async open(request: OpenRequest): Promise<OpenReply> {
    return this.#open(request, OPENING, () => undefined);
  }

  async comeBack(request: ComeBackRequest): Promise<ComeBackReply> {
    const frames = Array.from({ length: request.documents }, (_, i) => {
      const documentId = documentName(i);
      // Shows that the client reads the state: else it would be sent the fields once more.
      return Buffer.concat([messageFrame('awareness_subscribe', { documentId }), this.#dialect.subscribe(documentId)]);
    });
    const each = createHistogram();
    let bytes = 0;
    const { milliseconds } = await this.#open(request, COMING_BACK, async (client, i, began) => {
      client.send(frames[i % frames.length] ?? Buffer.alloc(0));
      await client.readUntil('the state of a document', () => client.states > 0);
      each.record(Math.max(1, microsecondsNow() - began));
      bytes += client.bytes;
    });
    return { milliseconds, bytes, each: latencyOf(each) };
  }

  async subscribe({ first, count, documents, firstDocument = 0, all = false }: SubscribeRequest): Promise<Elapsed> {
    const milliseconds = await timed(() =>
      inParallel(count, SUBSCRIBING, async (i) => {
        const client = this.#client(first + i);
        const names = all
          ? Array.from({ length: documents }, (_, document) => documentName(firstDocument + document))
          : [documentName(firstDocument + ((first + i) % documents))];
        const wanted = client.states + names.length;
        client.send(Buffer.concat(names.map((documentId) => this.#dialect.subscribe(documentId))));
        await client.readUntil('the state of a document', () => client.states >= wanted);
      }),
    );
    return { milliseconds };
  }

  write({ first, count, documents, firstDocument = 0, watch = false, acks = true, ...request }: WriteRequest): void {
    const { fields, valueBytes, pace } = request;
    this.#acks = acks;
    this.#written = new Float64Array(documents);
    this.#shared.ledger = undefined;
    if (watch) this.watch(documents);
    this.#writers = Array.from({ length: count }, (_, i) => {
      const client = this.#client(first + i);
      const document = i % documents;
      const writer = `w${String(i).padStart(5, '0')}`;
      const template = this.#dialect.writes({
        documentId: documentName(firstDocument + document),
        writer,
        fields,
        valueBytes,
      });
      return this.#writer(client, template, document);
    });
    if ('perSecond' in pace) this.#stopPacing = writePaced(this.#writers, pace.perSecond);
    else for (const writer of this.#writers) writer.start(pace.underWay);
  }

  async text({ client: index, document, stateBytes }: TextRequest): Promise<void> {
    this.#acks = true;
    this.#shared.ledger = undefined;
    this.#written = new Float64Array(document + 1);
    const client = this.#client(index);
    const template = new TextTemplate(documentName(document), stateBytes);
    this.#writers = [this.#writer(client, template, document)];
    await this.type({ characters: 1 });
  }

  async type(request: TypeRequest): Promise<void> {
    if ('perSecond' in request) {
      this.#stopPacing = writePaced(this.#writers, request.perSecond);
      return;
    }
    for (let i = 0; i < request.characters; i++) {
      for (const writer of this.#writers) await writer.writeAcked();
    }
  }

  async stop(): Promise<StopReply> {
    this.#stopPacing();
    for (const writer of this.#writers) writer.stop();
    const owed = (): number => this.#writers.reduce((sum, writer) => sum + writer.underWay, 0);
    const end = performance.now() + (this.#acks ? ACKS_TIMEOUT_MS : 0);
    while (owed() > 0 && performance.now() < end) await pause(20);
    const { disconnected, firstError } = this.#shared;
    return { unacknowledged: this.#acks ? owed() : 0, disconnected, firstError };
  }

  async fill({ client: index, documentId, fields, valueBytes }: FillRequest): Promise<Elapsed> {
    const client = this.#client(index);
    const value = EMPTY_MARK.padEnd(valueBytes, 'x');
    const milliseconds = await timed(async () => {
      for (let from = 0; from < fields; from += BATCH_FIELDS) {
        const deltas = Array.from({ length: Math.min(BATCH_FIELDS, fields - from) }, (_, i) => ({
          type: 'set',
          documentId,
          field: `field-${String(from + i).padStart(6, '0')}`,
          value,
          clock: { filler: from + i + 1 },
          clientId: 'filler',
        }));
        const acks = this.#tally.acks + 1;
        client.send(messageFrame('delta_batch', { documentId, deltas, messageId: `fill-${from}` }));
        await client.readUntil('the ack of a batch', () => this.#tally.acks >= acks);
      }
    });
    return { milliseconds };
  }

  async sync({ client: index, documentId, replay, supportsBatch }: SyncRequest): Promise<SyncReply> {
    const client = this.#client(index);
    if (supportsBatch) client.send(messageFrame('awareness_subscribe', { documentId }));
    else if (replay > 0) client.send(messageFrame('delta', { documentId: `${documentId}-own`, field: 'f', value: 1 }));
    const { bytes, states, updatesRead } = client;
    const milliseconds = await timed(async () => {
      client.send(messageFrame('subscribe', { documentId }));
      const done = (): boolean => client.states > states && client.updatesRead >= updatesRead + replay;
      await client.readUntil(`the state of ${documentId}`, done);
    });
    return { milliseconds, bytes: client.bytes - bytes };
  }

  mark(): void {
    this.#tally.reset();
  }

  read(): Counts {
    return this.#tally.read();
  }

  watch(documents: number): void {
    this.#shared.ledger = new Ledger(this.#clients.length, documents);
  }

  get written(): Float64Array {
    return this.#written;
  }

  balance(written: Float64Array): Balance {
    const { ledger } = this.#shared;
    if (ledger === undefined) throw new Error('the writes were not watched');
    return ledger.balance(written);
  }

  /** @param next What each client does when it is connected. Times are in microseconds since the epoch. */
  async #open(
    { port, count, host = '127.0.0.1', dialect = 'synckit', tokens, deflate = false }: OpenRequest,
    atOnce: number,
    next: (client: Client, i: number, began: number) => Promise<void> | undefined,
  ): Promise<OpenReply> {
    this.#dialect = dialects[dialect];
    const first = this.#clients.length;
    let failed = 0;
    const milliseconds = await timed(() =>
      inParallel(count, atOnce, async (i) => {
        const began = microsecondsNow();
        try {
          const options = { dialect: this.#dialect, port, host, token: tokens?.[i], deflate };
          const client = await Client.open(first + i, this.#shared, options);
          this.#clients[first + i] = client;
          await next(client, first + i, began);
        } catch (error) {
          failed++;
          this.#shared.firstError ||= String(error);
        }
      }),
    );
    if (failed > 0) throw new Error(`${failed} of ${count} connections failed: ${this.#shared.firstError}`);
    return { milliseconds, failed };
  }

  #writer(client: Client, template: Template, document: number): Writer {
    client.writer = new Writer({ template, client, tally: this.#tally, document, written: this.#written });
    return client.writer;
  }

  #client(index: number): Client {
    const client = this.#clients[index];
    if (client === undefined) throw new Error(`there is no client ${index}`);
    return client;
  }
}

/** Milliseconds that it takes. */
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Does work 0 to `count` - 1, so many at the same time. */
async function inParallel(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
