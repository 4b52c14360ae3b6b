import type { FieldsStore, FieldWrite, TextStore } from '@synckit/core-wasm';
import { TextRefused } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { BehindReason, Bus, BusEvents, DocumentNews } from '../cluster/port.js';
import type { DocumentChange, FieldRow, RefusedRow, Storage, StoredDocument } from '../storage/port.js';
import type { Documents, LoadedDocument } from './documents.js';
import { publishChanges } from './frames.js';
import type { Outbox } from './outbox.js';
import { publishText, relayOperations } from './text-frames.js';

export interface RelayOptions {
  readonly openBus: (events: BusEvents) => Bus;
  readonly storage: Storage;
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly documents: Documents;
  readonly outbox: Outbox;
  readonly log: Logger;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
  /** Ends a turn that is not the acceptor's. */
  readonly endTurn: () => void;
  /** The bus is there again, or is not. */
  readonly onStatus: () => void;
}

/** Documents loaded again with one request. */
const RELOAD_BATCH = 64;
/** After a load that failed, in ms. */
const RETRY_MS = 1_000;

/**
 * The other nodes of the cluster. What they committed is merged into the documents that have subscribers here, and
 * what is news is published to these; it is not committed again, as the storage has it. Where a message may have been
 * lost, the document is loaded once more, and the difference is published.
 */
export class Relay implements BusEvents {
  readonly #options: RelayOptions;
  readonly #bus: Bus;
  /** Documents with subscribers here, and the variants that they want. */
  readonly #interest = new Map<string, number>();
  readonly #behind = new Set<string>();
  /** Documents of which nobody knows what their subscribers have been sent: a former worker did that. */
  readonly #owed = new Set<string>();
  #reloading = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#bus = options.openBus(this);
  }

  get connected(): boolean {
    return this.#bus.connected;
  }

  /** Whether a document must stay in memory: without it there would be no telling what is news to its subscribers. */
  watches(documentId: string): boolean {
    return this.#interest.has(documentId);
  }

  /**
   * @param variants Those that have subscribers, as bits; 0 when nobody is left.
   * @param isOld Whether these subscribers were there before this worker.
   */
  interested(documentId: string, variants: number, isOld: boolean): void {
    if (isOld && variants !== 0) this.#owed.add(documentId);
    const isNew = !this.#interest.has(documentId);
    if (variants === 0) {
      if (isNew) return;
      this.#interest.delete(documentId);
      this.#behind.delete(documentId);
      this.#owed.delete(documentId);
      this.#bus.unsubscribe([documentId]);
      return;
    }
    this.#interest.set(documentId, variants);
    if (isNew) this.#bus.subscribe([documentId]);
  }

  /** Tells the others what this node has committed. */
  committed(changes: readonly DocumentChange[], refused: readonly RefusedRow[]): void {
    for (const { documentId, stamp, fields, text } of changes) {
      const isTaken = (path: string | undefined): boolean =>
        !refused.some((row) => row.documentId === documentId && row.path === path);
      const news = refused.length === 0 ? fields : fields.filter(({ path }) => isTaken(path));
      // A part that takes the place of others holds nothing new.
      const parts = text === undefined || text.replaces.length > 0 || !isTaken(undefined) ? [] : text.append;
      if (news.length === 0 && parts.length === 0) continue;
      this.#bus.publish({ documentId, stamp, fields: news, text: parts[0]?.bytes, relays: [] });
    }
  }

  /** Sends operations on that are kept nowhere. */
  relay(document: LoadedDocument, relays: readonly string[]): void {
    this.#bus.publish({ documentId: document.id, stamp: document.stamp, fields: [], text: undefined, relays });
  }

  onNews({ documentId, stamp, fields, text, relays }: DocumentNews): void {
    const slot = this.#options.documents.peek(documentId);
    if (slot?.kind !== 'loaded') {
      // What is being loaded may be older than this.
      this.onBehind([documentId], 'gap');
    } else {
      const isComplete = this.#merge(slot, { stamp, fields, text: text === undefined ? [] : [text] });
      if (!isComplete) this.onBehind([documentId], 'gap');
    }
    const wanted = this.#interest.get(documentId) ?? 0;
    if (relays.length > 0) relayOperations(this.#options.outbox, documentId, relays, wanted, 0, 0);
    this.#options.endTurn();
  }

  onBehind(documentIds: readonly string[], reason: BehindReason): void {
    this.#options.log.debug({ documents: documentIds.length, reason }, 'documents are loaded again');
    for (const documentId of documentIds) this.#behind.add(documentId);
    void this.#reload();
  }

  onStatus(connected: boolean): void {
    const { log } = this.#options;
    if (connected) log.info('connected to the bus');
    else log.warn('no connection to the bus: other nodes hear nothing, and nothing is heard of them');
    this.#options.onStatus();
  }

  /** A document was loaded; what was said of it meanwhile may not be in it. */
  loaded(document: LoadedDocument): void {
    if (this.#owed.delete(document.id)) this.#publishAll(document);
    if (this.#behind.has(document.id)) void this.#reload();
  }

  /** Resolves when what was published is sent, or after a while. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#bus.close();
  }

  async #reload(): Promise<void> {
    if (this.#reloading || this.#retry !== undefined) return;
    this.#reloading = true;
    for (let ids = this.#nextBehind(); ids.length > 0; ids = this.#nextBehind()) {
      try {
        const stored = await this.#options.storage.load(ids);
        if (this.#isClosed()) return;
        ids.forEach((id, i) => {
          this.#mergeStored(id, stored[i]);
        });
      } catch (error) {
        if (this.#isClosed()) return;
        this.#options.log.error({ err: error, documents: ids.length }, 'documents could not be loaded again');
        for (const id of ids) if (this.#interest.has(id)) this.#behind.add(id);
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          void this.#reload();
        }, RETRY_MS);
        break;
      }
      this.#options.endTurn();
    }
    this.#reloading = false;
  }

  /** Takes some of them; one that is being loaded comes later. */
  #nextBehind(): string[] {
    const ids: string[] = [];
    for (const id of this.#behind) {
      if (ids.length >= RELOAD_BATCH) break;
      if (this.#options.documents.peek(id)?.kind === 'loading') continue;
      this.#behind.delete(id);
      if (this.#interest.has(id)) ids.push(id);
    }
    return ids;
  }

  #mergeStored(documentId: string, stored: StoredDocument | undefined): void {
    const slot = this.#options.documents.peek(documentId);
    if (stored === undefined) return;
    if (slot === undefined) {
      this.#adopt(documentId, stored);
      return;
    }
    if (slot.kind === 'loading') {
      this.#behind.add(documentId);
      return;
    }
    const { stamp, fields, text } = stored;
    this.#merge(slot, { stamp, fields, text: text.map(({ bytes }) => bytes) });
    if (slot.text === undefined) return;
    const known = new Set(slot.text.parts.map(({ id }) => id));
    for (const { id, bytes } of text) if (!known.has(id)) slot.text.parts.push({ id, bytes: bytes.length });
  }

  /** A document that has subscribers and is not in memory. */
  #adopt(documentId: string, stored: StoredDocument): void {
    const { documents, log } = this.#options;
    const slot = documents.expect(documentId);
    try {
      const document = documents.fill(slot, stored);
      this.#owed.delete(documentId);
      this.#publishAll(document);
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      documents.giveUp(slot);
      log.error({ err: error, documentId }, 'a document could not be loaded again');
    }
  }

  #publishAll(document: LoadedDocument): void {
    const { core, outbox, nextStamp } = this.#options;
    const wanted = this.#interest.get(document.id) ?? 0;
    const all = new Map(core.changesSince(document.handle, new Map()).map((write) => [write.path, write]));
    if (all.size > 0) publishChanges(outbox, document, all, wanted, 0, nextStamp(document));
    this.#publishText(document, wanted);
  }

  #publishText(document: LoadedDocument, wanted: number): void {
    const { outbox, texts, nextStamp } = this.#options;
    if (document.text === undefined) return;
    const { handle } = document.text;
    const server = nextStamp(document);
    publishText({ outbox, core: texts, handle, documentId: document.id, server, cause: 0 }, wanted);
  }

  /** @returns Whether nothing was missing that the news builds on. */
  #merge(document: LoadedDocument, news: RemoteState): boolean {
    const { core, outbox, documents, nextStamp } = this.#options;
    const wanted = this.#interest.get(document.id) ?? 0;
    document.stamp = Math.max(document.stamp, news.stamp);
    const changed = new Map<string, FieldWrite>();
    for (const row of news.fields) if (core.set(document.handle, row)) changed.set(row.path, row);
    if (changed.size > 0) publishChanges(outbox, document, changed, wanted, 0, nextStamp(document));
    const text = this.#mergeText(document, news.text);
    if (text.changed) this.#publishText(document, wanted);
    if (changed.size > 0 || text.changed) documents.measure(document);
    return !text.incomplete;
  }

  #mergeText(
    document: LoadedDocument,
    parts: readonly Uint8Array[],
  ): { readonly changed: boolean; readonly incomplete: boolean } {
    const { texts, log } = this.#options;
    if (parts.length === 0) return { changed: false, incomplete: false };
    const text = (document.text ??= { handle: texts.open(), stored: 0, parts: [] });
    const isStored = texts.version(text.handle) === text.stored;
    try {
      const applied = texts.apply(text.handle, parts);
      // What came is stored already, so the next change need not hold it.
      if (isStored) text.stored = texts.version(text.handle);
      return applied;
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      log.error({ err: error, documentId: document.id }, 'a change of a text could not be read');
      return { changed: false, incomplete: false };
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }
}

/** What another node, or the storage, holds of a document. */
interface RemoteState {
  readonly stamp: number;
  readonly fields: readonly FieldRow[];
  readonly text: readonly Uint8Array[];
}
