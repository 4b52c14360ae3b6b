import type { Logger } from 'pino';
import type { ShardStatus } from '../messages/answer.js';
import { ShardLink, type ShardLinkOptions } from './shard-link.js';

export interface ShardSetOptions {
  readonly count: number;
  /** The worker's module. */
  readonly filename: string;
  readonly workerData: (index: number) => unknown;
  readonly log: Logger;
  /** See `ShardLinkOptions`. */
  readonly startTimeoutMs: number;
  readonly onAnswer: (index: number, answer: Uint8Array<ArrayBuffer>) => void;
  readonly onReady: (index: number) => void;
  readonly onAbandoned: ShardLinkOptions['onAbandoned'];
  /** A worker was replaced. */
  readonly onRestarted: (index: number) => void;
}

/** All shards of a node. A document belongs to one of them for as long as the process lives. */
export class ShardSet {
  readonly links: readonly ShardLink[];

  constructor(options: ShardSetOptions) {
    const { filename, log, startTimeoutMs, onAbandoned } = options;
    this.links = Array.from(
      { length: options.count },
      (_, index) =>
        new ShardLink({
          index,
          filename,
          log,
          startTimeoutMs,
          onAbandoned,
          workerData: options.workerData(index),
          onAnswer: (answer) => {
            options.onAnswer(index, answer);
          },
          onReady: () => {
            options.onReady(index);
          },
          onRestarted: () => {
            options.onRestarted(index);
          },
        }),
    );
  }

  /** The number of the shard that owns a document: FNV-1a of its id, modulo the number of shards. */
  indexOf(documentId: string): number {
    if (this.links.length === 1) return 0;
    let hash = 0x811c9dc5;
    for (let i = 0; i < documentId.length; i++) {
      hash = Math.imul(hash ^ documentId.charCodeAt(i), 0x01000193);
    }
    return (hash >>> 0) % this.links.length;
  }

  /**
   * Waits for all workers, also when one fails: ending a thread that is still loading its modules aborts the process.
   *
   * @throws When a worker can't start.
   */
  async start(): Promise<void> {
    const starts = await Promise.allSettled(this.links.map((link) => link.start()));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Resolves when all that was submitted so far is answered and durable. */
  async fence(): Promise<void> {
    await Promise.all(this.links.map((link) => link.fence()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.links.map((link) => link.stop()));
  }

  get retainedBytes(): number {
    return this.links.reduce((sum, link) => sum + link.retainedBytes, 0);
  }

  /** All shards together. */
  status(): ShardStatus {
    const sum = { storageHealthy: true, busConnected: true, documents: 0, bytes: 0, pendingBytes: 0 };
    let isLost = false;
    for (const { status } of this.links) {
      sum.storageHealthy &&= status.storageHealthy;
      sum.busConnected &&= status.busConnected;
      isLost ||= status.storageLost === true;
      sum.documents += status.documents;
      sum.bytes += status.bytes;
      sum.pendingBytes += status.pendingBytes;
    }
    return isLost ? { ...sum, storageLost: true } : sum;
  }
}
