/** What a bus reported and counted. */
import { pino } from 'pino';
import type { BusOptions } from '../../../src/cluster/numbered-bus.js';
import type { ResyncReason, BusEvents, BusMetrics, DocumentUpdate, UpdatedField } from '../../../src/cluster/port.js';
import { decodeAwareness, encodeAwareness, type ReadAwareness } from '../../../src/cluster/awareness-message.js';
import { until } from '../nodes/server.js';

export type Counted = Record<
  | 'published'
  | 'dropped'
  | 'omitted'
  | 'received'
  | 'gaps'
  | 'resyncs'
  | 'malformed'
  | 'awarenessPublished'
  | 'awarenessReceived'
  | 'awarenessDropped',
  number
>;

let runs = 0;

export class BusRecorder {
  /** Each bus is of another process. */
  readonly run = `run ${++runs}`;
  readonly updates: DocumentUpdate[] = [];
  readonly resyncRequests: { readonly documentId: string; readonly reason: ResyncReason }[] = [];
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
    awarenessPublished: 0,
    awarenessReceived: 0,
    awarenessDropped: 0,
  };
  readonly awareness: { readonly documentId: string; readonly message: ReadAwareness }[] = [];
  /** Documents whose awareness was followed, each time. */
  readonly awarenessActive: string[] = [];
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
      awarenessPublished: count('awarenessPublished'),
      awarenessReceived: count('awarenessReceived'),
      awarenessDropped: () => count('awarenessDropped'),
      connected: { set: (value) => (this.connected = value) },
      lag: { observe: (seconds) => void this.lags.push(seconds) },
    };
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(line) });
    return { nodeId, run: this.run, events: this.#events(), metrics, log, tailMs: 50 };
  }

  /** The documents for which a reason was given, in that order. */
  resyncs(reason: ResyncReason): string[] {
    return this.resyncRequests.filter((report) => report.reason === reason).map(({ documentId }) => documentId);
  }

  /** The values of the updates of a document. */
  valuesOf(documentId: string): unknown[] {
    const rows = this.updates.filter((update) => update.documentId === documentId).flatMap(({ fields }) => fields);
    return rows.map(({ value }) => JSON.parse(value) as unknown);
  }

  /** Waits until the awareness of documents is followed. */
  async following(...documentIds: string[]): Promise<void> {
    await until('awareness', () => documentIds.every((documentId) => this.awarenessActive.includes(documentId)));
  }

  /** The states of one client that others told about a document. */
  statesOf(documentId: string, clientId: string): unknown[] {
    return this.awareness
      .filter((entry) => entry.documentId === documentId)
      .flatMap(({ message }) => (message.kind === 'changes' || message.kind === 'all' ? message.states : []))
      .filter((state) => state.clientId === clientId)
      .map(({ state }) => JSON.parse(state) as unknown);
  }

  /** Who asked for the awareness of a document, by run. */
  askersOf(documentId: string): string[] {
    return this.awareness.flatMap(({ documentId: id, message }) =>
      id === documentId && message.kind === 'ask' ? [message.run] : [],
    );
  }

  /** Waits for the subscription of documents. */
  async subscribed(...documentIds: string[]): Promise<void> {
    await until('subscriptions', () => {
      const named = new Set(this.resyncs('subscribed'));
      return documentIds.every((documentId) => named.has(documentId));
    });
  }

  #events(): BusEvents {
    return {
      onUpdate: (update) => {
        this.updates.push(update);
        this.#others.onUpdate?.(update);
      },
      onResyncNeeded: (documentIds, reason) => {
        this.portions.push(documentIds.length);
        for (const documentId of documentIds) this.resyncRequests.push({ documentId, reason });
        this.#others.onResyncNeeded?.(documentIds, reason);
      },
      onAwareness: (documentId, bytes) => {
        this.awareness.push({ documentId, message: decodeAwareness(bytes) });
      },
      onAwarenessActive: (documentIds) => {
        this.awarenessActive.push(...documentIds);
      },
      onStatus: (connected) => {
        this.statuses.push(connected);
        this.#others.onStatus?.(connected);
      },
    };
  }
}

export function updatedField(about: Partial<UpdatedField> = {}): UpdatedField {
  const field = { path: 'field', value: '1', deleted: false, timestamp: 1_700_000_000_000, counter: 7 };
  return { ...field, clientId: 'client', stamp: 1_700_000_000_001, ...about };
}

/** News that one field was written. */
export function updateOf(documentId: string, value: unknown = 1): DocumentUpdate {
  const fields = [updatedField({ value: JSON.stringify(value) })];
  return { documentId, stamp: 1_700_000_000_001, fields, text: undefined, relays: [], commit: 0 };
}

/** A message of a process that shows one client. */
export function awarenessOf(clientId: string, state: object, sequence = 1, run = 'some run'): Uint8Array {
  const shown = { clientId, user: 'user', claimed: 1, generation: 1, clock: sequence, state: JSON.stringify(state) };
  return encodeAwareness({ kind: 'changes', run, sequence, states: [shown], left: [] });
}
