import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Horizon } from '../../storage/horizon.js';
import type { StoredDocument, TextUpdate } from '../../storage/port.js';
import type { KeepsHistory } from '../../messages/history.js';
import type { TaskGroup } from '../../messages/task.js';
import { DocumentSends } from '../echo/document-sends.js';
import { DocumentCommits } from '../resume/document-commits.js';
import type { EvictedCommits } from '../resume/evicted-commits.js';
import type { StampClock } from '../fields/stamp.js';
import { loadText, type LoadedText } from '../text/text-join.js';
import type { OpenGroup } from '../open-task.js';

/** A document in memory. */
export interface LoadedDocument {
  readonly kind: 'loaded';
  readonly id: string;
  /** Of its fields, in the core's `FieldsStore`; valid until the document is unloaded. */
  readonly handle: number;
  /** Undefined until somebody sends the state of a text. */
  text: LoadedText | undefined;
  /** The last L given or sent (StampClock); grows. */
  stamp: number;
  /** About the L of its last change. */
  changedAt: number;
  /** What of it was sent to whom. */
  readonly sends: DocumentSends;
  /** Of the tombstones that were purged, here or on other nodes; undefined if there are none. */
  horizon: Horizon | undefined;
  readonly commits: DocumentCommits;
  /** When what it held was erased, in ms since the epoch: it takes no text. */
  readonly erasedAt: number | undefined;
  /** Whether what it was is kept. */
  readonly keepsHistory: boolean;
  /** Whether it is deleted or erased since it was loaded: nothing is done with it any more. */
  isEnded: boolean;
  /** Bytes of memory that it takes, in the core and beside it, as last measured. */
  bytes: number;
}

/** Records that wait for their document. */
export interface WaitingGroup {
  readonly group: TaskGroup;
  readonly openGroup: OpenGroup;
}

/** A document on its way from storage; what comes for it meanwhile waits here, so it is loaded once. */
export interface LoadingDocument {
  readonly kind: 'loading';
  readonly id: string;
  readonly waiting: WaitingGroup[];
  /** Whether what is on its way may be from before the document was deleted or erased: it is loaded once more. */
  isStale: boolean;
}

/** What a loaded document takes besides its fields and its text, in bytes: it is many small objects. */
const DOCUMENT_BYTES = 4_000;
/** An L that is no further ahead of the wall clock is worth waiting for, in ms. */
const SOON_MS = 1_000;
/** Unloaded documents whose L is remembered. */
const MAX_AHEAD = 100_000;
/** For so long after a search that was in vain none is made, in ms: to look at all documents at each turn would take long. */
const FULL_MS = 250;
/** So many documents are looked at in each turn all the same. */
const MANY_SLOTS = 1_000;

export interface DocumentsOptions {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly log: Logger;
  readonly clock: StampClock;
  readonly keepsHistory?: KeepsHistory;
  /** Bytes of documents above which idle ones are unloaded. */
  readonly maxBytes: number;
  readonly metrics: Pick<ShardMetrics, 'documentsLoaded' | 'documentsEvicted'>;
  /** Whether something of a document is not durable, or not answered; such a one is never unloaded. */
  readonly isBusy: (document: LoadedDocument) => boolean;
  /** Whether a document is wanted in memory for another reason. */
  readonly isWatched: (document: LoadedDocument) => boolean;
  /** Whether a document that is loaded may hold what other nodes wrote. */
  readonly isShared: boolean;
  /** What is owed of a document is sent before it is unloaded, unless it has ended. */
  readonly echoes: {
    readonly sendOwed: (document: LoadedDocument) => boolean;
    readonly ended: (document: LoadedDocument) => void;
    readonly closed: (document: LoadedDocument) => void;
  };
  /** Knows what those have who stay subscribed to a document that is evicted. */
  readonly evicted: EvictedCommits;
  /** Called for a document that is unloaded. */
  readonly onEvicted: (document: LoadedDocument) => void;
}

/** The documents of a shard that are in memory, the least recently used first. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #slots = new Map<string, LoadedDocument | LoadingDocument>();
  /** The L of documents that were unloaded while it was ahead of the wall clock, the longest unloaded first. */
  readonly #ahead = new Map<string, number>();
  #bytes = 0;
  /** Until then, in ms since the epoch, no document is looked at: none could be unloaded. */
  #fullUntil = 0;

  constructor(options: DocumentsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The document, now the most recently used; undefined when it must be loaded first. */
  touch(id: string): LoadedDocument | LoadingDocument | undefined {
    const slot = this.#slots.get(id);
    if (slot !== undefined) {
      this.#slots.delete(id);
      this.#slots.set(id, slot);
    }
    return slot;
  }

  /** The document as it is in memory, if it is, without its being used. */
  peek(id: string): LoadedDocument | LoadingDocument | undefined {
    return this.#slots.get(id);
  }

  /** A document is going to be loaded; it is in the map from now on. */
  beginLoad(id: string): LoadingDocument {
    const slot: LoadingDocument = { kind: 'loading', id, waiting: [], isStale: false };
    this.#slots.set(id, slot);
    return slot;
  }

  /**
   * Puts a document into memory as it was stored. It must be used in the same turn: from then on `evict` may unload it.
   *
   * @throws TextRefused when its text can't be read.
   */
  finishLoad({ id }: LoadingDocument, stored: StoredDocument): LoadedDocument {
    const { core, clock } = this.#options;
    const text = stored.text.length === 0 ? undefined : this.#loadText(id, stored.text);
    const handle = core.open();
    for (const row of stored.fields) core.set(handle, row);
    const now = Date.now();
    const stamp = Math.max(clock.resume(stored.stamp, now), this.#ahead.get(id) ?? 0);
    this.#ahead.delete(id);
    const floor = clock.next(stamp, 0, now);
    const sends = new DocumentSends(floor, this.#options.isShared ? floor : 0);
    const commits = new DocumentCommits(stored.commits, this.#options.evicted.isCurrent(id, stored.commits));
    const { horizon, erasedAt } = stored;
    const document: LoadedDocument = {
      ...{ kind: 'loaded', id, handle, text, stamp, sends, commits, horizon, erasedAt },
      changedAt: stored.stamp,
      keepsHistory: this.#options.keepsHistory?.(id) ?? false,
      isEnded: false,
      bytes: 0,
    };
    this.#slots.set(id, document);
    this.#options.metrics.documentsLoaded.add(1);
    this.measure(document);
    return document;
  }

  #loadText(documentId: string, updates: readonly TextUpdate[]): LoadedText {
    const { texts, log } = this.#options;
    const { text, incomplete } = loadText(texts, updates);
    // They are written in the order in which they build on each other, so one was lost outside of this server.
    if (incomplete) log.error({ documentId }, 'an update of a text is missing in the storage');
    return text;
  }

  /** A document can't be loaded; whoever asks for it next tries again. */
  failLoad({ id }: LoadingDocument): void {
    this.#slots.delete(id);
  }

  /** Updates `bytes` after a document has changed. */
  measure(document: LoadedDocument): void {
    const { core, texts } = this.#options;
    const inCore = core.byteSize(document.handle) + (document.text ? texts.byteSize(document.text.handle) : 0);
    const bytes = DOCUMENT_BYTES + inCore;
    this.#bytes += bytes - document.bytes;
    document.bytes = bytes;
  }

  /** Unloads the least recently used documents that are durable, while there are more bytes than there may be. */
  evict(): void {
    if (this.#bytes <= this.#options.maxBytes) return;
    const now = Date.now();
    if (now < this.#fullUntil) return;
    for (const slot of this.#slots.values()) {
      if (
        slot.kind === 'loading' ||
        this.#options.isBusy(slot) ||
        this.#options.isWatched(slot) ||
        this.#options.echoes.sendOwed(slot)
      )
        continue;
      if (!this.#rememberAhead(slot, now)) continue;
      this.#unload(slot);
      if (this.#bytes <= this.#options.maxBytes) return;
    }
    if (this.#slots.size > MANY_SLOTS) this.#fullUntil = now + FULL_MS;
  }

  /** Unloads a document that has ended. @returns Whether it is unloaded: not while something of it is under way. */
  drop(document: LoadedDocument): boolean {
    if (this.#slots.get(document.id) !== document) return true;
    this.#options.echoes.ended(document);
    if (this.#options.isBusy(document)) return false;
    if (!this.#options.clock.isPast(document.stamp, Date.now())) this.#ahead.set(document.id, document.stamp);
    this.#unload(document);
    return true;
  }

  #unload(slot: LoadedDocument): void {
    const { core, texts, echoes, evicted, onEvicted, metrics } = this.#options;
    this.#slots.delete(slot.id);
    echoes.closed(slot);
    core.close(slot.handle);
    if (slot.text !== undefined) texts.close(slot.text.handle);
    onEvicted(slot);
    metrics.documentsEvicted.add(1);
    evicted.evicted(slot.id, slot.commits.evictedClaim);
    this.#bytes -= slot.bytes;
  }

  /**
   * The L of a document may be ahead of the wall clock, since a client that has seen a larger one asked for it; it must
   * not go back when the document is loaded again. @returns Whether the document may be unloaded.
   */
  #rememberAhead({ id, stamp }: LoadedDocument, now: number): boolean {
    const { clock } = this.#options;
    if (clock.isPast(stamp, now)) return true;
    // Used a moment ago.
    if (clock.isPast(stamp, now + SOON_MS)) return false;
    for (const [oldest, remembered] of this.#ahead) {
      if (!clock.isPast(remembered, now)) break;
      this.#ahead.delete(oldest);
    }
    if (this.#ahead.size >= MAX_AHEAD) return false;
    this.#ahead.set(id, stamp);
    return true;
  }
}
