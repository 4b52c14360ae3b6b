import { TextRefused } from '@synckit/core-wasm';
import type { ResyncReason, Bus, BusEvents, DocumentUpdate } from '../../cluster/port.js';
import type { Committed, DocumentChange, Storage, StoredDocument } from '../../storage/port.js';
import { Comparison } from './comparison.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import { AwarenessBridge } from './awareness-bridge.js';
import { Reloads } from './reloads.js';
import type { RemoteMerge, RemoteMergeOptions } from './remote-merge.js';
import { hasPossibleStamps } from '../fields/stamp-bounds.js';
import { relayOperations } from '../text/text-frames.js';
import { leftOf, updateOf } from './published.js';

export interface ReplicationOptions extends RemoteMergeOptions {
  readonly openBus: (events: BusEvents) => Bus;
  readonly storage: Storage;
  readonly metrics: Pick<ShardMetrics, 'staleDocuments' | 'impossibleStamps'>;
  /** Between two comparisons with the storage, in ms. */
  readonly compareMs: number;
  readonly remote: RemoteMerge;
  /** Whether what is stored shows that a document is deleted or erased; its subscribers are told then. */
  readonly isEnded: (documentId: string, stored: StoredDocument) => boolean;
  /** Ends a turn of the event loop that did not begin with a task. */
  readonly endTurn: () => void;
  /** The bus is connected again, or is not. */
  readonly onStatus: () => void;
}

/**
 * The other nodes of the cluster. What they committed is merged into the documents that have subscribers here, and
 * what changes them is published to these; it is not committed again, as the storage has it. Where a message may have been
 * lost, the document is loaded once more, and the difference is published.
 */
export class Replication implements BusEvents {
  readonly #options: ReplicationOptions;
  readonly #bus: Bus;
  readonly awareness: AwarenessBridge;
  readonly #comparison: Comparison;
  readonly reloads: Reloads;
  readonly #remote: RemoteMerge;
  /** Documents with subscribers here, and what these want, as bits. */
  readonly #interest = new Map<string, { variants: number }>();
  /** Documents of which nobody knows what their subscribers have been sent: a former worker did that. */
  readonly #unpublished = new Set<string>();

  constructor(options: ReplicationOptions) {
    this.#options = options;
    const { storage, log, documents } = options;
    this.#remote = options.remote;
    this.reloads = new Reloads({
      storage,
      log,
      isLoading: (documentId) => documents.peek(documentId)?.kind === 'loading',
      onLoaded: (documentId, stored) => {
        this.#mergeStored(documentId, stored);
        options.outbox.flushIfLarge();
      },
      endTurn: options.endTurn,
    });
    this.#bus = options.openBus(this);
    this.#comparison = new Comparison({
      storage,
      log,
      intervalMs: options.compareMs,
      documentIds: () => this.#interest.keys(),
      completeUpTo: (documentId) => this.#completeUpTo(documentId),
      onStale: (documentIds) => {
        this.#noteStale(documentIds);
      },
      onBack: (documentIds) => {
        this.#noteBack(documentIds);
      },
    });
    this.awareness = new AwarenessBridge(this.#bus, options.outbox);
  }

  get connected(): boolean {
    return this.#bus.connected;
  }

  /** Whether a document must stay in memory: without it nobody could tell what its subscribers have not seen. */
  watches(documentId: string): boolean {
    return this.#interest.has(documentId);
  }

  /**
   * @param variants Those that have subscribers, as bits; 0 when nobody is left.
   * @param isOld Whether these subscribers were there before this worker.
   */
  setInterest(documentId: string, variants: number, isOld: boolean): void {
    const interest = this.#interest.get(documentId);
    if (variants === 0) {
      if (interest === undefined) return;
      this.#interest.delete(documentId);
      this.reloads.delete(documentId);
      this.#unpublished.delete(documentId);
      this.#bus.unsubscribe([documentId]);
      return;
    }
    if (interest === undefined) {
      this.#interest.set(documentId, { variants });
      this.#bus.subscribe([documentId]);
    } else {
      interest.variants = variants;
    }
    if (isOld) this.#publishSubscribed(documentId);
  }

  /** A group of a task says which variants have subscribers now; whether there are any is said by `setInterest`. */
  updateVariants(documentId: string, variants: number): void {
    const interest = this.#interest.get(documentId);
    if (interest !== undefined && variants !== 0) interest.variants = variants;
  }

  /** Publishes to the other nodes what this one has committed; the documents know the numbers already. */
  committed(changes: readonly DocumentChange[], { refused, numbers, horizons, expired = [] }: Committed): void {
    for (const { documentId, stamp, fields, text } of changes) {
      const isTaken = (path: string | undefined): boolean =>
        ![...refused, ...expired].some((row) => row.documentId === documentId && row.path === path);
      const updated = refused.length + expired.length === 0 ? fields : fields.filter(({ path }) => isTaken(path));
      const update = text === undefined || !isTaken(undefined) ? undefined : updateOf(text);
      const commit = numbers.get(documentId) ?? 0;
      this.#check(documentId, commit);
      // One that changes nothing is published too: others would take it for one that they missed.
      if (updated.length === 0 && update === undefined && commit === 0) continue;
      const horizon = horizons?.get(documentId);
      const slot = refused.length === 0 || commit === 0 ? undefined : this.#options.documents.peek(documentId);
      const left = slot?.kind === 'loaded' ? leftOf(this.#options, slot, refused) : [];
      const all = left.length === 0 ? updated : [...updated, ...left];
      this.#bus.publish({ documentId, stamp, fields: all, text: update?.bytes, relays: [], commit, horizon });
    }
  }

  /** Tells the other nodes that a document is deleted or erased. */
  publishEnd(documentId: string, stamp: number, commit: number): void {
    this.#bus.publish({ documentId, stamp, fields: [], text: undefined, relays: [], commit, hasEnded: true });
  }

  /** Sends operations to other nodes that are kept nowhere. */
  relay(document: LoadedDocument, relays: readonly string[]): void {
    this.#bus.publish({
      documentId: document.id,
      stamp: document.stamp,
      fields: [],
      text: undefined,
      relays,
      commit: 0,
    });
  }

  onUpdate(received: DocumentUpdate): void {
    const { documentId, stamp, fields, text, relays, commit, horizon } = received;
    const isPossible = hasPossibleStamps(received);
    if (!isPossible) this.#options.metrics.impossibleStamps('bus').add(1);
    if (!isPossible || received.hasEnded === true) {
      // What it changed is in the storage, where stamps are bounded as they are loaded.
      this.onResyncNeeded([documentId], isPossible ? 'ended' : 'unreadable');
      return;
    }
    const wanted = this.wantedOf(documentId);
    const slot = this.#options.documents.peek(documentId);
    if (slot?.kind !== 'loaded') {
      // What is being loaded may be older than this.
      this.onResyncNeeded([documentId], 'gap');
    } else {
      const numbered = commit === 0 ? fields : fields.map((field) => ({ ...field, commit }));
      const update = { stamp, fields: numbered, text: text === undefined ? [] : [text], horizon };
      if (this.#remote.merge(slot, update, wanted)) this.#see(slot, commit);
      else this.onResyncNeeded([documentId], 'gap');
    }
    const { gate, outbox, endTurn } = this.#options;
    const relay = (): void => {
      relayOperations(outbox, documentId, relays, wanted, 0, 0);
    };
    if (relays.length > 0 && slot?.kind === 'loaded') gate.show(slot, 'relays', relay);
    else if (relays.length > 0) relay();
    endTurn();
  }

  onResyncNeeded(documentIds: readonly string[], reason: ResyncReason): void {
    this.#options.log.debug({ documents: documentIds.length, reason }, 'documents are loaded again');
    this.reloads.add(documentIds);
  }

  onStatus(connected: boolean): void {
    const { log } = this.#options;
    if (connected) log.info('connected to the bus');
    else log.warn('no connection to the bus: nothing is sent to other nodes and nothing comes from them');
    this.#options.onStatus();
  }

  onAwareness(documentId: string, bytes: Uint8Array): void {
    this.awareness.onAwareness(documentId, bytes);
  }

  onAwarenessActive(documentIds: readonly string[]): void {
    this.awareness.onAwarenessActive(documentIds);
  }

  /** A document was loaded; updates that came meanwhile may not be in it. */
  loaded(document: LoadedDocument): void {
    if (this.#unpublished.delete(document.id)) this.#remote.publishAll(document, this.wantedOf(document.id));
    this.reloads.resume(document.id);
  }

  /** A document could not be loaded. */
  loadFailed(documentId: string): void {
    this.reloads.resume(documentId);
  }

  /** Resolves when what was published is sent, or after a while. */
  async close(): Promise<void> {
    this.reloads.close();
    this.#comparison.close();
    this.awareness.close();
    await this.#bus.close();
  }

  /** A task that the former worker left, or a client, may have had the document loaded before its subscribers are known. */
  #publishSubscribed(documentId: string): void {
    const slot = this.#options.documents.peek(documentId);
    if (slot?.kind === 'loaded') this.#remote.publishAll(slot, this.wantedOf(documentId));
    else this.#unpublished.add(documentId);
  }

  /** Variants of a document that have subscribers, as bits. */
  wantedOf(documentId: string): number {
    return this.#interest.get(documentId)?.variants ?? 0;
  }

  /** What a commit of another node holds is in memory. */
  #see(document: LoadedDocument, commit: number): void {
    document.commits.add(commit);
    this.#check(document.id, commit);
  }

  /** Looks whether a commit before this one is missing. */
  #check(documentId: string, commit: number): void {
    const complete = this.#completeUpTo(documentId);
    if (complete !== undefined && complete < commit) this.#comparison.suspect(documentId, commit);
  }

  /** Undefined for a document that has no subscribers, or is not in memory. */
  #completeUpTo(documentId: string): number | undefined {
    if (!this.#interest.has(documentId)) return undefined;
    const slot = this.#options.documents.peek(documentId);
    return slot?.kind === 'loaded' ? slot.commits.upTo : undefined;
  }

  #noteStale(documentIds: readonly string[]): void {
    const { log, metrics } = this.#options;
    metrics.staleDocuments.add(documentIds.length);
    log.info({ documents: documentIds.length }, 'documents are older than the storage, and are loaded again');
    this.reloads.add(documentIds);
  }

  /** After a failover that lost commits, or a restore, numbers are given once more: those that were seen mean nothing any more. */
  #noteBack(documentIds: readonly string[]): void {
    const { log, metrics } = this.#options;
    metrics.staleDocuments.add(documentIds.length);
    log.warn({ documents: documentIds.length }, 'the database has fewer commits of documents than it had');
    for (const documentId of documentIds) {
      const slot = this.#options.documents.peek(documentId);
      if (slot?.kind === 'loaded') slot.commits.forget();
    }
    this.reloads.add(documentIds);
  }

  #mergeStored(documentId: string, stored: StoredDocument): void {
    if (!this.watches(documentId) || this.#options.isEnded(documentId, stored)) return;
    const slot = this.#options.documents.peek(documentId);
    switch (slot?.kind) {
      case undefined:
        this.#adopt(documentId, stored);
        break;
      case 'loading':
        this.reloads.add([documentId]);
        return;
      case 'loaded':
        if (!this.#remote.mergeStored(slot, stored, this.wantedOf(documentId))) this.reloads.addLater(documentId);
    }
  }

  /** A document that has subscribers and is not in memory. */
  #adopt(documentId: string, stored: StoredDocument): void {
    const { documents, log } = this.#options;
    const slot = documents.beginLoad(documentId);
    try {
      const document = documents.finishLoad(slot, stored);
      this.#unpublished.delete(documentId);
      this.#remote.publishAll(document, this.wantedOf(documentId));
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      documents.failLoad(slot);
      log.error({ err: error, documentId }, 'a document could not be loaded again');
    }
  }
}
