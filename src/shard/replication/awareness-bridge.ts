import type { Bus, BusEvents } from '../../cluster/port.js';
import { awarenessKinds, readAwarenessTask } from '../../messages/awareness-task.js';
import type { Outbox } from '../outbox.js';

type AwarenessBus = Pick<Bus, 'publishAwareness' | 'followAwareness' | 'unfollowAwareness'>;

/** Awareness between the acceptor, which holds it, and the bus, which is the shard's: nothing is kept here. */
export class AwarenessBridge implements Pick<BusEvents, 'onAwareness' | 'onAwarenessActive'> {
  readonly #bus: AwarenessBus;
  readonly #outbox: Outbox;
  #flushing: NodeJS.Immediate | undefined;

  constructor(bus: AwarenessBus, outbox: Outbox) {
    this.#bus = bus;
    this.#outbox = outbox;
  }

  /** Does what the acceptor asks for, in the format of awareness-task.ts. */
  forward(bytes: Uint8Array<ArrayBuffer>): void {
    const toFollow: string[] = [];
    const toUnfollow: string[] = [];
    for (const { kind, documentId, message } of readAwarenessTask(bytes)) {
      switch (kind) {
        case awarenessKinds.follow:
          toFollow.push(documentId);
          break;
        case awarenessKinds.unfollow:
          toUnfollow.push(documentId);
          break;
        case awarenessKinds.publish:
          this.#bus.publishAwareness(documentId, message);
      }
    }
    // A document is named once.
    if (toUnfollow.length > 0) this.#bus.unfollowAwareness(toUnfollow);
    if (toFollow.length > 0) this.#bus.followAwareness(toFollow);
  }

  onAwareness(documentId: string, bytes: Uint8Array): void {
    this.#outbox.awareness(documentId, bytes);
    this.#flushSoon();
  }

  onAwarenessActive(documentIds: readonly string[]): void {
    for (const documentId of documentIds) this.#outbox.awarenessActive(documentId);
    this.#flushSoon();
  }

  close(): void {
    clearImmediate(this.#flushing);
  }

  /** What comes with one read of the socket leaves as one answer. */
  #flushSoon(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.#outbox.flush();
    });
  }
}
