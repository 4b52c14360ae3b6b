import type { Bus, BusEvents } from '../cluster/port.js';
import { presenceKinds, readPresenceTask } from '../shards/presence-task.js';
import type { Outbox } from './outbox.js';

type PresenceBus = Pick<Bus, 'publishPresence' | 'followPresence' | 'unfollowPresence'>;

/** Awareness between the acceptor, which holds it, and the bus, which is the shard's: nothing is kept here. */
export class PresenceRelay implements Pick<BusEvents, 'onPresence' | 'onPresenceActive'> {
  readonly #bus: PresenceBus;
  readonly #outbox: Outbox;
  #flushing: NodeJS.Immediate | undefined;

  constructor(bus: PresenceBus, outbox: Outbox) {
    this.#bus = bus;
    this.#outbox = outbox;
  }

  /** What the acceptor has to say, in the format of presence-task.ts. */
  take(bytes: Uint8Array<ArrayBuffer>): void {
    const toFollow: string[] = [];
    const toUnfollow: string[] = [];
    for (const { kind, documentId, message } of readPresenceTask(bytes)) {
      switch (kind) {
        case presenceKinds.follow:
          toFollow.push(documentId);
          break;
        case presenceKinds.unfollow:
          toUnfollow.push(documentId);
          break;
        case presenceKinds.say:
          this.#bus.publishPresence(documentId, message);
      }
    }
    // A document is named once.
    if (toUnfollow.length > 0) this.#bus.unfollowPresence(toUnfollow);
    if (toFollow.length > 0) this.#bus.followPresence(toFollow);
  }

  onPresence(documentId: string, bytes: Uint8Array): void {
    this.#outbox.presence(documentId, bytes);
    this.#flushSoon();
  }

  onPresenceActive(documentIds: readonly string[]): void {
    for (const documentId of documentIds) this.#outbox.presenceActive(documentId);
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
