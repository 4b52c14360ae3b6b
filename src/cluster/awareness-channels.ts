/** Awareness on the bus: a channel of its own for each document, whose messages are not numbered by the bus. */
import { ResyncQueue } from './resync-queue.js';
import type { BusMetrics } from './port.js';
import { decodeAwareness, encodeAwareness, showsJson } from './awareness-message.js';

export interface AwarenessChannelsOptions {
  /** Names this process in messages. */
  readonly run: string;
  /** @returns Whether the bytes were taken; the rest are by documents. */
  readonly send: (documentId: string, bytes: Uint8Array) => boolean;
  readonly subscribe: (documentIds: readonly string[]) => void;
  readonly unsubscribe: (documentIds: readonly string[]) => void;
  readonly onAwareness: (documentId: string, bytes: Uint8Array) => void;
  readonly onAwarenessActive: (documentIds: readonly string[]) => void;
  readonly onMalformed: (documentId: string) => void;
  readonly metrics: Pick<BusMetrics, 'awarenessPublished' | 'awarenessReceived' | 'awarenessDropped'>;
}

/**
 * Nothing is kept to be sent again. Who could not be heard, or may have missed something, asks: when its channel becomes
 * active, and when it can publish again.
 */
export class AwarenessChannels {
  readonly #options: AwarenessChannelsOptions;
  /** Documents that are followed, and whether their channel is active. */
  readonly #followed = new Map<string, boolean>();
  /** Documents that are active and for which nobody was asked yet. */
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
    if (message.kind === 'malformed' || !showsJson(message)) {
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

  /** Messages can be sent again where they could not: nobody has heard what was said meanwhile. */
  resume(): void {
    for (const [documentId, isActive] of this.#followed) if (isActive) this.#toAsk.add(documentId, 'ask');
  }

  close(): void {
    this.#toAsk.close();
  }
}
