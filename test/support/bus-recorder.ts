/** What a bus reported and counted. */
import { pino } from 'pino';
import type { BusOptions } from '../../src/cluster/numbered-bus.js';
import type { BehindReason, BusEvents, BusMetrics, DocumentNews, NewsField } from '../../src/cluster/port.js';
import { decodePresence, encodePresence, type ReadPresence } from '../../src/cluster/presence-message.js';
import { until } from './server.js';

export type Counted = Record<
  | 'published'
  | 'dropped'
  | 'omitted'
  | 'received'
  | 'gaps'
  | 'resyncs'
  | 'malformed'
  | 'presencePublished'
  | 'presenceReceived'
  | 'presenceDropped',
  number
>;

let runs = 0;

export class BusRecorder {
  /** Each bus is of another process. */
  readonly run = `run ${++runs}`;
  readonly news: DocumentNews[] = [];
  readonly behind: { readonly documentId: string; readonly reason: BehindReason }[] = [];
  /** How many documents each report named. */
  readonly portions: number[] = [];
  readonly statuses: boolean[] = [];
  readonly logged: string[] = [];
  readonly counted: Counted = {
    published: 0,
    dropped: 0,
    omitted: 0,
    received: 0,
    gaps: 0,
    resyncs: 0,
    malformed: 0,
    presencePublished: 0,
    presenceReceived: 0,
    presenceDropped: 0,
  };
  readonly presence: { readonly documentId: string; readonly message: ReadPresence }[] = [];
  /** Documents whose presence was followed, each time. */
  readonly presenceActive: string[] = [];
  connected: number | undefined;
  readonly lags: number[] = [];
  readonly #others: Partial<BusEvents>;

  /** @param others Events to be told besides. */
  constructor(others: Partial<BusEvents> = {}) {
    this.#others = others;
  }

  /** The options of the bus that is recorded. */
  options(nodeId: string): BusOptions {
    const count = (name: keyof Counted) => ({ add: (amount: number) => void (this.counted[name] += amount) });
    const metrics: BusMetrics = {
      published: count('published'),
      dropped: count('dropped'),
      omitted: count('omitted'),
      received: count('received'),
      gaps: count('gaps'),
      resyncs: count('resyncs'),
      malformed: count('malformed'),
      presencePublished: count('presencePublished'),
      presenceReceived: count('presenceReceived'),
      presenceDropped: () => count('presenceDropped'),
      connected: { set: (value) => (this.connected = value) },
      lag: { observe: (seconds) => void this.lags.push(seconds) },
    };
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(line) });
    return { nodeId, run: this.run, events: this.#events(), metrics, log, tailMs: 50 };
  }

  /** The documents for which a reason was given, in that order. */
  behindFor(reason: BehindReason): string[] {
    return this.behind.filter((report) => report.reason === reason).map(({ documentId }) => documentId);
  }

  /** The values of the news about a document. */
  valuesOf(documentId: string): unknown[] {
    const rows = this.news.filter((news) => news.documentId === documentId).flatMap(({ fields }) => fields);
    return rows.map(({ value }) => JSON.parse(value) as unknown);
  }

  /** Waits until the presence of documents is followed. */
  async following(...documentIds: string[]): Promise<void> {
    await until('presence', () => documentIds.every((documentId) => this.presenceActive.includes(documentId)));
  }

  /** The states of one client that others told about a document. */
  statesOf(documentId: string, clientId: string): unknown[] {
    return this.presence
      .filter((entry) => entry.documentId === documentId)
      .flatMap(({ message }) => (message.kind === 'changes' || message.kind === 'all' ? message.states : []))
      .filter((state) => state.clientId === clientId)
      .map(({ state }) => JSON.parse(state) as unknown);
  }

  /** Who asked for the presence of a document, by run. */
  askersOf(documentId: string): string[] {
    return this.presence.flatMap(({ documentId: id, message }) =>
      id === documentId && message.kind === 'ask' ? [message.run] : [],
    );
  }

  /** Waits for the subscription of documents. */
  async subscribed(...documentIds: string[]): Promise<void> {
    await until('subscriptions', () => {
      const named = new Set(this.behindFor('subscribed'));
      return documentIds.every((documentId) => named.has(documentId));
    });
  }

  #events(): BusEvents {
    return {
      onNews: (news) => {
        this.news.push(news);
        this.#others.onNews?.(news);
      },
      onBehind: (documentIds, reason) => {
        this.portions.push(documentIds.length);
        for (const documentId of documentIds) this.behind.push({ documentId, reason });
        this.#others.onBehind?.(documentIds, reason);
      },
      onPresence: (documentId, bytes) => {
        this.presence.push({ documentId, message: decodePresence(bytes) });
      },
      onPresenceActive: (documentIds) => {
        this.presenceActive.push(...documentIds);
      },
      onStatus: (connected) => {
        this.statuses.push(connected);
        this.#others.onStatus?.(connected);
      },
    };
  }
}

export function newsField(about: Partial<NewsField> = {}): NewsField {
  const field = { path: 'field', value: '1', deleted: false, timestamp: 1_700_000_000_000, counter: 7 };
  return { ...field, clientId: 'client', stamp: 1_700_000_000_001, ...about };
}

/** News that one field was written. */
export function newsOf(documentId: string, value: unknown = 1): DocumentNews {
  const fields = [newsField({ value: JSON.stringify(value) })];
  return { documentId, stamp: 1_700_000_000_001, fields, text: undefined, relays: [], commit: 0 };
}

/** A message of a process that shows one client. */
export function presenceOf(clientId: string, state: object, sequence = 1, run = 'some run'): Uint8Array {
  const shown = { clientId, user: 'user', claimed: 1, turn: 1, clock: sequence, state: JSON.stringify(state) };
  return encodePresence({ kind: 'changes', run, sequence, states: [shown], left: [] });
}
