import {
  encodeAwareness,
  MAX_AWARENESS_ITEMS,
  MAX_AWARENESS_PARTS,
  type AwarenessStateRecord,
} from '../../cluster/awareness-message.js';
import { awarenessKinds, AwarenessTaskWriter } from '../../messages/awareness-task.js';
import type { DocumentAwareness } from './document-awareness.js';
import { ShardQueue, type Snapshot } from './shard-queue.js';

/** The shards, as far as awareness needs them. */
export interface AwarenessShards {
  readonly count: number;
  indexOf(documentId: string): number;
  /** Whether it has a worker; a new one begins with `AwarenessOutbox.restart`. */
  running(index: number): boolean;
  /** Whether it accepts a batch now. */
  ready(index: number): boolean;
  /** Sends it a batch in the format of messages/awareness-task.ts. */
  send(index: number, bytes: Uint8Array<ArrayBuffer>): void;
}

export interface AwarenessOutboxOptions {
  /** Names this process in messages. */
  readonly run: string;
  readonly shards: AwarenessShards;
  /** The documents that sessions of this node use, by id. */
  readonly documents: ReadonlyMap<string, DocumentAwareness>;
  /** Milliseconds after which all states of a document are published again. */
  readonly renewMs: number;
  /** Shortest time between two batches for a shard, in ms. */
  readonly flushMs: number;
}

/** Size of a batch: states and documents, and approximate bytes. */
const MAX_ITEMS = 1_000;
const MAX_BYTES = 1024 * 1024;
/** Approximate size of a message; a single state may be larger. */
const MESSAGE_BYTES = 64 * 1024;
/** Changes that may wait for a shard; beyond it, all states of the document are published instead. */
const MAX_CHANGES = 10_000;
/**
 * Documents that may wait for a shard; those beyond it are published with their next renewal, and followed when all of the
 * node's are gone through.
 */
const MAX_DOCUMENTS = 100_000;

/**
 * Collects what is to be published to the other nodes, and gives it to the shards in batches, one at a time for each
 * shard. A state is read when its batch is built, so of several changes between two batches only the last is sent.
 */
export class AwarenessOutbox {
  readonly #options: AwarenessOutboxOptions;
  readonly #queues: readonly ShardQueue[];
  readonly #writer = new AwarenessTaskWriter();
  /**
   * Documents with states, and when all of them were last published, the oldest first. Milliseconds of the monotonic
   * clock.
   */
  readonly #publishedAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #flushed = -Infinity;
  /** Of the last message; shared by all documents. */
  #sequence = 0;

  constructor(options: AwarenessOutboxOptions) {
    this.#options = options;
    this.#queues = Array.from({ length: options.shards.count }, () => new ShardQueue());
  }

  /** Whether the shards were given everything. */
  get isIdle(): boolean {
    const { shards } = this.#options;
    return this.#queues.every((queue, index) => !shards.running(index) || (!queue.hasWork() && shards.ready(index)));
  }

  follow(document: DocumentAwareness): void {
    const { documentId } = document;
    const queue = this.#queueOf(documentId);
    const waiting = queue.follows.get(documentId);
    // Of an earlier use of the document, whose end the shard was not told yet.
    if (waiting === false) document.isFollowed = true;
    if (waiting !== undefined || queue.follows.size < MAX_DOCUMENTS) queue.follows.set(documentId, true);
    else queue.restarting = this.#options.documents.keys();
    this.#arm();
  }

  /** Never dropped, as nothing would end the subscription later. What waits has no more entries than the shard follows. */
  unfollow({ documentId, isFollowed }: DocumentAwareness): void {
    this.#publishedAt.delete(documentId);
    const { follows } = this.#queueOf(documentId);
    if (isFollowed) follows.set(documentId, false);
    else follows.delete(documentId);
    this.#arm();
  }

  /** The state of a client of this node has changed, or was removed. */
  change(documentId: string, clientId: string): void {
    const queue = this.#queueOf(documentId);
    if (!this.#publishedAt.has(documentId)) this.#publishedAt.set(documentId, performance.now());
    const clients = queue.changed.get(documentId);
    if (clients?.has(clientId) === true) return;
    if (queue.changes >= MAX_CHANGES) {
      this.publishAll(documentId);
      return;
    }
    queue.changes++;
    if (clients === undefined) queue.changed.set(documentId, new Set([clientId]));
    else clients.add(clientId);
    this.#arm();
  }

  /** Publishes all states of a document. */
  publishAll(documentId: string): void {
    const { snapshots } = this.#queueOf(documentId);
    if (snapshots.size < MAX_DOCUMENTS) snapshots.add(documentId);
    this.#arm();
  }

  /** A shard has a new worker: it has to follow all documents of the shard, and publish their states again. */
  restart(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    queue.clear();
    queue.restarting = this.#options.documents.keys();
    this.#arm();
  }

  /** Publishes again what is due for it. @param now Milliseconds of the monotonic clock. */
  renew(now: number): void {
    const { documents, renewMs } = this.#options;
    let count = 0;
    for (const [documentId, publishedAt] of this.#publishedAt) {
      if (now - publishedAt < renewMs || ++count > MAX_ITEMS) return;
      this.#publishedAt.delete(documentId);
      if ((documents.get(documentId)?.locals.size ?? 0) === 0) continue;
      this.#publishedAt.set(documentId, now);
      this.publishAll(documentId);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #queueOf(documentId: string): ShardQueue {
    const queue = this.#queues[this.#options.shards.indexOf(documentId)];
    if (queue === undefined) throw new Error('a document belongs to no shard');
    return queue;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#flushed + this.#options.flushMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flush();
      },
      Math.max(0, wait),
    );
  }

  #flush(): void {
    const { shards } = this.#options;
    const now = performance.now();
    this.#flushed = now;
    this.renew(now);
    for (const [index, queue] of this.#queues.entries()) {
      // A new worker is given everything from the start, by `restart`.
      if (!shards.running(index)) queue.clear();
      if (queue.hasWork() && shards.ready(index)) this.#flushQueue(index, queue);
      if (queue.hasWork()) this.#arm();
    }
  }

  #flushQueue(index: number, queue: ShardQueue): void {
    for (const [documentId, isWanted] of queue.follows) {
      if (isWanted) this.#writeFollow(documentId);
      else this.#writer.add({ kind: awarenessKinds.unfollow, documentId, message: noMessage });
    }
    queue.follows.clear();
    for (const [documentId, clients] of queue.changed) {
      if (this.#writer.length > MAX_BYTES) break;
      queue.changed.delete(documentId);
      queue.changes -= clients.size;
      this.#publishChanges(documentId, clients);
    }
    const budget = { items: MAX_ITEMS };
    this.#followRestarted(index, queue, budget);
    while (budget.items > 0 && this.#writer.length <= MAX_BYTES) {
      queue.snapshot ??= this.#nextSnapshot(queue);
      if (queue.snapshot === undefined) break;
      if (this.#publishPart(queue.snapshot, budget)) queue.snapshot = undefined;
    }
    if (this.#writer.length > 0) this.#options.shards.send(index, this.#writer.finish());
  }

  /** Has a new worker follow some more of its documents. */
  #followRestarted(index: number, queue: ShardQueue, budget: { items: number }): void {
    const { documents, shards } = this.#options;
    while (queue.restarting !== undefined && budget.items > 0) {
      const { value: documentId, done } = queue.restarting.next();
      budget.items--;
      if (done === true) queue.restarting = undefined;
      else if (shards.indexOf(documentId) === index) {
        this.#writeFollow(documentId);
        if ((documents.get(documentId)?.locals.size ?? 0) > 0) queue.snapshots.add(documentId);
      }
    }
  }

  #writeFollow(documentId: string): void {
    const document = this.#options.documents.get(documentId);
    if (document !== undefined) document.isFollowed = true;
    this.#writer.add({ kind: awarenessKinds.follow, documentId, message: noMessage });
  }

  #nextSnapshot(queue: ShardQueue): Snapshot | undefined {
    for (const documentId of queue.snapshots) {
      queue.snapshots.delete(documentId);
      const states = this.#options.documents.get(documentId)?.locals.values() ?? [].values();
      return { documentId, sequence: ++this.#sequence, states, part: 0 };
    }
    return undefined;
  }

  #publishChanges(documentId: string, clients: ReadonlySet<string>): void {
    const locals = this.#options.documents.get(documentId)?.locals;
    let states: AwarenessStateRecord[] = [];
    let left: string[] = [];
    let bytes = 0;
    const flush = (): void => {
      const sequence = ++this.#sequence;
      this.#publish(documentId, encodeAwareness({ kind: 'changes', run: this.#options.run, sequence, states, left }));
      states = [];
      left = [];
      bytes = 0;
    };
    for (const clientId of clients) {
      const local = locals?.get(clientId);
      if (local === undefined) left.push(clientId);
      else states.push(local);
      bytes += local?.state.length ?? 0;
      if (bytes > MESSAGE_BYTES || states.length + left.length >= MAX_AWARENESS_ITEMS) flush();
    }
    if (states.length + left.length > 0) flush();
  }

  /**
   * Publishes the next part of a snapshot. The parts need not be of one moment: what changes between two of them is
   * published with a later sequence as well.
   *
   * @returns Whether it was the last part.
   */
  #publishPart(snapshot: Snapshot, budget: { items: number }): boolean {
    const states: AwarenessStateRecord[] = [];
    let bytes = 0;
    let isLast = snapshot.part === MAX_AWARENESS_PARTS - 1;
    budget.items--;
    while (bytes <= MESSAGE_BYTES && states.length < MAX_AWARENESS_ITEMS) {
      const next = snapshot.states.next();
      if (next.done === true) {
        isLast = true;
        break;
      }
      states.push(next.value);
      bytes += next.value.state.length;
      budget.items--;
    }
    const { documentId, sequence, part } = snapshot;
    snapshot.part++;
    this.#publish(documentId, encodeAwareness({ kind: 'all', run: this.#options.run, sequence, states, part, isLast }));
    return isLast;
  }

  #publish(documentId: string, message: Uint8Array): void {
    this.#writer.add({ kind: awarenessKinds.publish, documentId, message });
  }
}

const noMessage = new Uint8Array(0);
