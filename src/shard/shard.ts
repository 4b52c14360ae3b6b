import { ProtocolError } from '../errors.js';
import type { ShardStatus } from '../messages/answer.js';
import { allVariants, isRead, readTask, type TaskGroup } from '../messages/task.js';
import { Commits } from './commit/commits.js';
import { DocumentLoader } from './documents/document-loader.js';
import { DocumentBounds } from './documents/document-bounds.js';
import { Documents, type LoadedDocument, type LoadingDocument } from './documents/documents.js';
import { Endings } from './documents/endings.js';
import { processAnew } from './documents/process-anew.js';
import { Freshness } from './http/freshness.js';
import { DocumentTags } from './http/document-tags.js';
import { Echoes } from './echo/echoes.js';
import { hasOldInterest, noteInterest } from './replication/interest.js';
import { Outbox } from './outbox.js';
import { Refusals } from './refusals.js';
import { RemoteMerge } from './replication/remote-merge.js';
import { Replication } from './replication/replication.js';
import type { StoredDocument } from '../storage/port.js';
import { DocumentReads } from './reads/document-reads.js';
import { EvictedCommits } from './resume/evicted-commits.js';
import { noteCommits } from './resume/note-commits.js';
import type { ShardOptions } from './shard-options.js';
import { StampBoundedStorage } from './fields/stamp-bounds.js';
import { StampClock } from './fields/stamp.js';
import { OpenTask, type OpenGroup } from './open-task.js';
import { Writes } from './writes.js';

export type { ShardOptions } from './shard-options.js';

/** One shard: the documents it owns, and what is done with the records that come for them. */
export class Shard {
  readonly #options: ShardOptions;
  readonly #clock: StampClock;
  readonly #documents: Documents;
  readonly #commits: Commits;
  readonly #outbox: Outbox;
  readonly #echoes: Echoes;
  readonly #writes: Writes;
  readonly #replication: Replication | undefined;
  readonly #remote: RemoteMerge;
  readonly #loader: DocumentLoader;
  readonly #bounds: DocumentBounds;
  readonly #refusals: Refusals;
  /** Deletion and erasure. */
  readonly endings: Endings;
  readonly #reads: DocumentReads;
  /** Undefined without a bus: then all there is is in memory. */
  readonly #freshness: Freshness | undefined;

  constructor(given: ShardOptions) {
    const options = { ...given, storage: new StampBoundedStorage(given) };
    this.#options = options;
    this.#clock = new StampClock(options.maxClockSkewMs);
    this.#outbox = new Outbox(options.send, () => this.#status());
    this.#refusals = new Refusals({ ...options, outbox: this.#outbox });
    const nextStamp = (document: LoadedDocument): number => this.#writes.nextStamp(document);
    const [endTurn, process] = [this.#endTurn, this.#resume];
    const tags = new DocumentTags({ ...options, isDirty: (document) => this.#commits.committer.isDirty(document) });
    this.#reads = new DocumentReads({
      ...options,
      ...{ outbox: this.#outbox, tags },
      nextStamp: (document, seen) => this.#writes.nextStamp(document, seen),
      isDirty: (document) => this.#commits.committer.isDirty(document),
      gate: {
        mustWait: (document, isRead) => this.#commits.gate.mustWait(document, isRead),
        wait: (document, group, openGroup) => {
          this.#commits.gate.wait(document, group, openGroup);
        },
      },
      mergeStored: this.#mergeStored,
      refuse: (record, documentId) => {
        this.#refusals.refuse(record, documentId, new ProtocolError('STORAGE_UNAVAILABLE'), undefined);
      },
      ...{ process, endTurn },
    });
    this.#commits = new Commits({
      ...options,
      outbox: this.#outbox,
      shard: () => ({ documents: this.#documents, echoes: this.#echoes }),
      ...{ nextStamp, process, refuse: this.#refuseGroup, endTurn },
      onCommitted: (changes, committed) => {
        noteCommits(options.core, this.#documents, changes, committed);
        this.#bounds.committed(changes, committed);
        this.#replication?.committed(changes, committed);
      },
      onTextReplaced: (document) => {
        this.#reads.forget(document);
      },
    });
    const { committer, dirty, gate } = this.#commits;
    this.#echoes = new Echoes({
      ...options,
      ...{ outbox: this.#outbox, gate, nextStamp, endTurn },
      maxFields: options.maxEchoFields,
      isDirty: (document) => committer.isDirty(document),
    });
    this.#documents = new Documents({
      ...options,
      clock: this.#clock,
      maxBytes: options.maxLoadedBytes,
      echoes: this.#echoes,
      isShared: options.openBus !== undefined,
      onEvicted: (document) => {
        this.#reads.forget(document);
      },
      evicted: new EvictedCommits(options.isReplacement, options.openBus !== undefined),
      isBusy: (document) =>
        this.#reads.has(document) || this.#freshness?.has(document) === true || this.#commits.needs(document),
      isWatched: ({ id }) => this.#replication?.watches(id) === true,
    });
    this.endings = new Endings({
      ...{ storage: options.storage, core: options.core, documents: this.#documents, outbox: this.#outbox },
      nextStamp: (document) => (document ? nextStamp(document) : this.#clock.next(0, 0, Date.now())),
      publish: (documentId, stamp, commit) => this.#replication?.publishEnd(documentId, stamp, commit),
      onEnded: (documentId) => this.#replication?.reloads.invalidate(documentId),
    });
    this.#writes = new Writes({
      ...options,
      clock: this.#clock,
      ...{ committer, dirty, gate, tags, outbox: this.#outbox },
      echoes: this.#echoes,
      replaceLimits: { diffMs: options.textDiffMs, maxStateBytes: options.maxTextBytes },
      onRelay: (document, relays) => this.#replication?.relay(document, relays),
      refuse: (record, documentId, error, message) => {
        this.#refusals.refuse(record, documentId, error, message);
      },
    });
    this.#bounds = new DocumentBounds({
      ...{ ...options, documents: this.#documents, committer, outbox: this.#outbox, gate, nextStamp },
    });
    this.#remote = new RemoteMerge({
      ...{ ...options, documents: this.#documents, outbox: this.#outbox, echoes: this.#echoes, dirty, gate, nextStamp },
    });
    this.#replication = this.#openReplication();
    this.#freshness = this.#replication && this.#openFreshness(this.#replication);
    this.#loader = new DocumentLoader({
      ...options,
      documents: this.#documents,
      onLoaded: (document, waiting) => {
        this.#replication?.loaded(document);
        this.#bounds.check(document);
        for (const { group, openGroup } of waiting) {
          this.#process(document, group, openGroup, true);
          this.#outbox.flushIfLarge();
        }
      },
      onFailed: (documentId, waiting, code) => {
        this.#replication?.loadFailed(documentId);
        for (const { group, openGroup } of waiting) this.#refusals.refuseGroup(documentId, group, openGroup, code);
        if (code === 'DOCUMENT_DELETED' && waiting.some(({ group }) => hasOldInterest(group))) {
          // Whoever was subscribed before this worker was not told.
          this.#outbox.ended(documentId);
        }
      },
      onDone: () => {
        this.#reads.takeTurn();
        endTurn();
      },
    });
  }

  #openReplication(): Replication | undefined {
    const { openBus, storage, core, texts, log, metrics, compareMs } = this.#options;
    if (openBus === undefined) return undefined;
    return new Replication({
      ...{ openBus, storage, core, texts, log, metrics, compareMs },
      ...{ documents: this.#documents, outbox: this.#outbox, echoes: this.#echoes },
      ...{ dirty: this.#commits.dirty, gate: this.#commits.gate, remote: this.#remote },
      nextStamp: (document) => this.#writes.nextStamp(document),
      isEnded: (documentId, stored) => this.endings.note(documentId, stored),
      endTurn: this.#endTurn,
      onStatus: () => {
        this.#outbox.flush();
      },
    });
  }

  readonly #mergeStored = (document: LoadedDocument, stored: StoredDocument): void => {
    if (this.endings.note(document.id, stored)) return;
    const wanted = this.#replication?.wantedOf(document.id) ?? allVariants;
    if (!this.#remote.mergeStored(document, stored, wanted)) this.#replication?.reloads.addLater(document.id);
  };

  #openFreshness(replication: Replication): Freshness {
    return new Freshness({
      ...{ storage: this.#options.storage, documents: this.#documents },
      isFollowed: (documentId) => replication.watches(documentId),
      merge: this.#mergeStored,
      process: this.#resume,
      refuse: this.#refuseGroup,
      endTurn: this.#endTurn,
    });
  }

  /** Closes the bus, when everything is published. */
  async close(): Promise<void> {
    this.#commits.gate.close();
    this.#echoes.close();
    this.#reads.close();
    await this.#replication?.close();
  }

  /** Answers the records of a task whose documents are loaded; the others are answered when theirs are. */
  handle(task: number, bytes: Uint8Array<ArrayBuffer>): void {
    const started = performance.now();
    const openTask = new OpenTask(task, this.#outbox);
    const missing: LoadingDocument[] = [];
    for (const group of readTask(bytes)) {
      const openGroup = openTask.group(group.records.length);
      this.#replication?.updateVariants(group.documentId, group.variants);
      if (noteInterest(this.#replication, group, openGroup)) continue;
      let slot = this.#documents.touch(group.documentId);
      if (slot?.kind === 'loaded' && slot.isEnded && this.endings.release(slot)) slot = undefined;
      if (slot === undefined) missing.push((slot = this.#documents.beginLoad(group.documentId)));
      if (slot.kind === 'loading') slot.waiting.push({ group, openGroup });
      else this.#process(slot, group, openGroup);
    }
    this.#reads.takeTurn();
    openTask.endReading();
    this.#tidy();
    this.#loader.load(missing);
    this.#outbox.taskDone();
    if (this.#options.storage.durable || !this.#commits.committer.isRunning) this.#outbox.flush();
    this.#options.metrics.taskTime.observe((performance.now() - started) / 1_000);
  }

  /** Does what a task in the format of awareness-task.ts asks for. */
  forwardAwareness(bytes: Uint8Array<ArrayBuffer>): void {
    this.#replication?.awareness.forward(bytes);
    this.#outbox.awarenessTaskDone();
    this.#outbox.flush();
  }

  /** Resolves when everything merged so far is durable. */
  idle(): Promise<void> {
    return this.#commits.committer.idle();
  }

  /** Merges the writes of a group, and answers the reads from the state after it. */
  #process(document: LoadedDocument, given: TaskGroup, openGroup: OpenGroup, isFresh = false): void {
    if (document.isEnded) {
      const { endings } = this;
      const parts = { endings, loader: this.#loader, refusals: this.#refusals, process: this.#resume };
      processAnew(parts, document, given, openGroup);
      return;
    }
    const group = isFresh ? given : (this.#freshness?.hold(document, given, openGroup) ?? given);
    if (this.#commits.refusedTexts.hold(document, group, openGroup)) return;
    if (this.#commits.gate.mustWait(document, false)) {
      this.#commits.gate.wait(document, group, openGroup);
      return;
    }
    if (this.#writes.process(document, group, openGroup)) {
      this.#bounds.check(document);
      this.#documents.measure(document);
    }
    // Whom the former worker still owed an echo, or what it had not shown, is not known.
    if (this.#replication === undefined && hasOldInterest(group)) this.#remote.publishAll(document, group.variants);
    const reads = group.records.filter(isRead);
    if (reads.length > 0 && this.#commits.gate.mustWait(document, true)) {
      this.#commits.gate.wait(document, { ...group, records: reads }, openGroup);
      return;
    }
    for (const record of reads) this.#reads.add(document, record, openGroup);
  }

  /** Does what waited for a document. */
  readonly #resume = (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup): void => {
    this.#process(document, group, openGroup, true);
    // Before what came after a read makes it wait again.
    this.#reads.takeTurn();
  };

  readonly #refuseGroup = (documentId: string, group: TaskGroup, openGroup: OpenGroup): void => {
    this.#refusals.refuseGroup(documentId, group, openGroup);
  };

  readonly #endTurn = (): void => {
    this.#commits.gate.resume();
    this.#tidy();
    this.#outbox.flush();
  };

  #tidy(): void {
    this.#commits.committer.kick();
    this.endings.tidy();
    this.#documents.evict();
  }

  #status(): ShardStatus {
    return {
      storageHealthy: this.#commits.committer.healthy && !this.#options.storage.isLost,
      ...(this.#options.storage.isLost ? { storageLost: true } : {}),
      busConnected: this.#replication?.connected ?? true,
      documents: this.#documents.count,
      bytes: this.#documents.bytes,
      pendingBytes: this.#commits.committer.pendingBytes,
    };
  }
}
