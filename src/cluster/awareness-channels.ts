/** Awareness on the bus: each document has an own channel for it, whose messages the bus does not number. */
import { ResyncQueue } from './resync-queue.js';
import type { BusMetrics } from './port.js';
import { decodeAwareness, encodeAwareness, hasJsonStates } from './awareness-message.js';

export interface AwarenessChannelsOptions {
  /** Names this process in messages, unique among all nodes and starts. */
  readonly run: string;
  /** @returns Whether the bytes were accepted by the transport. */
  readonly send: (documentId: string, bytes: Uint8Array) => boolean;
  readonly subscribe: (documentIds: readonly string[]) => void;
  readonly unsubscribe: (documentIds: readonly string[]) => void;
  /** As `BusEvents.onAwareness`, and the next as `onAwarenessActive`. */
  readonly onAwareness: (documentId: string, bytes: Uint8Array) => void;
  readonly onAwarenessActive: (documentIds: readonly string[]) => void;
  /** A message could not be decoded. */
  readonly onMalformed: (documentId: string) => void;
  readonly metrics: Pick<BusMetrics, 'awarenessPublished' | 'awarenessReceived' | 'awarenessDropped'>;
}

/**
 * No message is kept to be sent again. A process that may have missed messages sends an `ask`, which makes the others
 * publish all their states: when a channel becomes active, and when publishing works again.
 */
export class AwarenessChannels {
  readonly #options: AwarenessChannelsOptions;
  /** Followed documents, and whether the channel of each is active. */
  readonly #followed = new Map<string, boolean>();
  /** Active documents for which an `ask` is still to be sent. */
  readonly #toAsk: ResyncQueue<'ask'>;
  readonly #ask: Uint8Array;

  constructor(options: AwarenessChannelsOptions) {
    this.#options = options;
    this.#ask = encodeAwareness({ kind: 'ask', run: options.run });
    this.#toAsk = new ResyncQueue((documentIds) => {
      for (const documentId of documentIds) this.publish(documentId, this.#ask);
      options.onAwarenessActive(documentIds);
    });
  }

  follow(documentIds: readonly string[]): void {
    const added: string[] = [];
    for (const documentId of documentIds) {
      const isActive = this.#followed.get(documentId);
      if (isActive === true) this.#toAsk.add(documentId, 'ask');
      if (isActive !== undefined) continue;
      this.#followed.set(documentId, false);
      added.push(documentId);
    }
    if (added.length > 0) this.#options.subscribe(added);
  }

  unfollow(documentIds: readonly string[]): void {
    const removed = documentIds.filter((documentId) => this.#followed.delete(documentId));
    for (const documentId of removed) this.#toAsk.delete(documentId);
    if (removed.length > 0) this.#options.unsubscribe(removed);
  }

  publish(documentId: string, bytes: Uint8Array): void {
    const { metrics, send } = this.#options;
    if (send(documentId, bytes)) metrics.awarenessPublished.add(1);
    else metrics.awarenessDropped('unsent').add(1);
  }

  receive(documentId: string, bytes: Uint8Array): void {
    if (!this.#followed.has(documentId)) return;
    const message = decodeAwareness(bytes);
    if (message.kind === 'unreadable') return;
    if (message.kind === 'malformed' || !hasJsonStates(message)) {
      this.#options.onMalformed(documentId);
      return;
    }
    if (message.run === this.#options.run) return;
    this.#options.metrics.awarenessReceived.add(1);
    this.#options.onAwareness(documentId, bytes);
  }

  activate(documentIds: readonly string[]): void {
    for (const documentId of documentIds) {
      if (!this.#followed.has(documentId)) continue;
      this.#followed.set(documentId, true);
      this.#toAsk.add(documentId, 'ask');
    }
  }

  deactivate(documentIds: readonly string[]): void {
    for (const documentId of documentIds) if (this.#followed.has(documentId)) this.#followed.set(documentId, false);
  }

  /** Publishing works again: what was published meanwhile was lost. */
  resume(): void {
    for (const [documentId, isActive] of this.#followed) if (isActive) this.#toAsk.add(documentId, 'ask');
  }

  close(): void {
    this.#toAsk.close();
  }
}
