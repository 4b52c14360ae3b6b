/** The bus over any transport: numbers the updates that it sends, and detects gaps in those that it receives. */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { ResyncQueue } from './resync-queue.js';
import { documentOf, isAwareness, updatesAmong, updateChannel, awarenessAmong, awarenessChannel } from './channels.js';
import { decodeMessage, encodeMessage, type MessageHead } from './message.js';
import { OwnSequences, type Tail } from './own-sequences.js';
import { AwarenessChannels } from './awareness-channels.js';
import type { ResyncReason, Bus, BusEvents, BusMetrics, DocumentUpdate } from './port.js';
import { Subscriptions } from './subscriptions.js';
import type { Transport, TransportEvents } from './transport.js';

export interface BusOptions {
  /** Names the node in messages. The buses of a node share it. */
  readonly nodeId: string;
  /** Names the process, unique among all nodes and starts. Buses with the same run ignore each other's awareness. */
  readonly run: string;
  readonly events: BusEvents;
  readonly metrics: BusMetrics;
  readonly log: Logger;
  /** Time without an update of a document, in ms, after which its last sequence is repeated. Default 1000. */
  readonly tailMs?: number | undefined;
  /**
   * Size of a message in bytes, above which only its sequence is sent and receivers load the document. Default 1 MiB:
   * Redis disconnects a subscriber whose output buffer exceeds its limit, 32 MiB by default.
   */
  readonly maxMessageBytes?: number | undefined;
  /** Documents whose sequences are remembered. Default 100 000, about 20 MB. */
  readonly maxNumberedDocuments?: number | undefined;
}

/** Tails that are sent in one turn of the event loop; after a lost connection every document may have one. */
const TAILS_AT_ONCE = 500;
/** Upper bound of the time in which a transport detects a dead connection, in ms. */
const DETECTION_MS = 30_000;

/**
 * Numbers the updates of each document, so that receivers detect lost ones (`Subscriptions`), and repeats the last
 * number as a tail (`OwnSequences`).
 */
export class NumberedBus implements Bus {
  readonly #options: BusOptions;
  readonly #maxMessageBytes: number;
  readonly #transport: Transport;
  readonly #epoch = randomInt(2 ** 48 - 1);
  readonly #own: OwnSequences;
  readonly #subscriptions = new Subscriptions();
  readonly #resyncs: ResyncQueue<ResyncReason>;
  readonly #awareness: AwarenessChannels;
  readonly #tails: NodeJS.Timeout;
  #connected = false;
  #closed = false;
  #closing: Promise<void> | undefined;
  #loggedMalformed = false;

  /** @param connect Creates the transport, which raises these events. */
  constructor(options: BusOptions, connect: (events: TransportEvents) => Transport) {
    const { tailMs = 1_000, maxMessageBytes = 1024 * 1024, maxNumberedDocuments = 100_000 } = options;
    this.#options = options;
    this.#maxMessageBytes = maxMessageBytes;
    this.#own = new OwnSequences(tailMs, maxNumberedDocuments);
    this.#resyncs = new ResyncQueue((documentIds, reason) => {
      this.#report(documentIds, reason);
    });
    this.#awareness = this.#openAwareness();
    options.metrics.connected.set(0);
    this.#transport = connect({
      message: (channel, bytes) => {
        if (this.#closed) return;
        if (isAwareness(channel)) this.#awareness.receive(documentOf(channel), bytes);
        else this.#receive(documentOf(channel), bytes);
      },
      active: (channels) => {
        this.#activate(updatesAmong(channels));
        this.#awareness.activate(awarenessAmong(channels));
      },
      lost: (channels) => {
        for (const documentId of updatesAmong(channels)) this.#subscriptions.deactivate(documentId);
        this.#awareness.deactivate(awarenessAmong(channels));
      },
      status: (connected) => {
        this.#setConnected(connected);
      },
      resumed: (lostAt) => {
        // Updates that were sent into the dead connection may be lost, and their tails as well.
        this.#own.repeatSince(lostAt - DETECTION_MS, performance.now());
        this.#awareness.resume();
      },
      dropped: (count) => {
        options.metrics.dropped.add(count);
      },
    });
    this.#tails = setInterval(
      () => {
        this.#sendTails();
      },
      Math.max(1, tailMs / 4),
    );
  }

  get connected(): boolean {
    return this.#connected;
  }

  publish(update: DocumentUpdate): void {
    if (this.#closed) return;
    const { metrics } = this.#options;
    const { documentId } = update;
    const numbered = this.#own.next(documentId, performance.now());
    const head = { ...this.#head(numbered.sequence), sentAt: Date.now() };
    let bytes: Uint8Array | undefined;
    // Not encoded when it is certainly too large.
    if (sizeOf(update) <= this.#maxMessageBytes) {
      bytes = encodeMessage({ kind: 'update', ...head, since: numbered.since, update });
    }
    if (bytes === undefined || bytes.length > this.#maxMessageBytes) {
      metrics.omitted.add(1);
      bytes = encodeMessage({ kind: 'tail', ...head, since: 0 });
    }
    if (this.#transport.send(updateChannel(documentId), bytes)) metrics.published.add(1);
    else metrics.dropped.add(1);
  }

  subscribe(documentIds: readonly string[]): void {
    if (this.#closed) return;
    const added = documentIds.filter((documentId) => this.#subscriptions.add(documentId));
    if (added.length > 0) this.#transport.subscribe(added.map(updateChannel));
  }

  unsubscribe(documentIds: readonly string[]): void {
    if (this.#closed) return;
    const removed = documentIds.filter((documentId) => this.#subscriptions.delete(documentId));
    for (const documentId of removed) this.#resyncs.delete(documentId);
    if (removed.length > 0) this.#transport.unsubscribe(removed.map(updateChannel));
  }

  publishAwareness(documentId: string, bytes: Uint8Array): void {
    if (!this.#closed) this.#awareness.publish(documentId, bytes);
  }

  followAwareness(documentIds: readonly string[]): void {
    if (!this.#closed) this.#awareness.follow(documentIds);
  }

  unfollowAwareness(documentIds: readonly string[]): void {
    if (!this.#closed) this.#awareness.unfollow(documentIds);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#tails);
    this.#resyncs.close();
    this.#awareness.close();
    this.#connected = false;
    this.#options.metrics.connected.set(0);
    const now = performance.now();
    for (const tail of this.#own.pendingTails(now)) this.#sendTail(tail);
    await this.#transport.close();
  }

  #openAwareness(): AwarenessChannels {
    const { run, events, metrics } = this.#options;
    return new AwarenessChannels({
      run,
      metrics,
      send: (documentId, bytes) => this.#transport.send(awarenessChannel(documentId), bytes),
      subscribe: (documentIds) => {
        this.#transport.subscribe(documentIds.map(awarenessChannel));
      },
      unsubscribe: (documentIds) => {
        this.#transport.unsubscribe(documentIds.map(awarenessChannel));
      },
      onAwareness: (documentId, bytes) => {
        events.onAwareness(documentId, bytes);
      },
      onAwarenessActive: (documentIds) => {
        events.onAwarenessActive(documentIds);
      },
      onMalformed: (documentId) => {
        this.#noteMalformed(documentId);
      },
    });
  }

  #head(sequence: number): MessageHead {
    return { node: this.#options.nodeId, epoch: this.#epoch, sequence };
  }

  #isOwn(head: MessageHead | undefined): boolean {
    return head?.epoch === this.#epoch && head.node === this.#options.nodeId;
  }

  #receive(documentId: string, bytes: Uint8Array): void {
    if (!this.#subscriptions.has(documentId)) return;
    const { metrics, events } = this.#options;
    const message = decodeMessage(documentId, bytes);
    switch (message.kind) {
      case 'malformed':
        this.#noteMalformed(documentId);
        return;
      case 'unreadable':
        if (this.#isOwn(message.head)) return;
        // The load brings what it changed, and whatever was missed before it.
        if (message.head) {
          this.#subscriptions.needsResync(documentId, { kind: 'tail', ...message.head, since: 0 }, performance.now());
        }
        this.#reportNow(documentId, 'unreadable');
        return;
      case 'update':
      case 'tail':
        break;
    }
    if (this.#isOwn(message)) return;
    const needsResync = this.#subscriptions.needsResync(documentId, message, performance.now());
    if (message.kind === 'update') {
      metrics.received.add(1);
      metrics.lag.observe(Math.max(0, Date.now() - message.sentAt) / 1_000);
      events.onUpdate(message.update);
    }
    if (!needsResync) return;
    metrics.gaps.add(1);
    this.#reportNow(documentId, 'gap');
  }

  #noteMalformed(documentId: string): void {
    this.#options.metrics.malformed.add(1);
    if (this.#loggedMalformed) return;
    this.#loggedMalformed = true;
    this.#options.log.warn({ documentId }, 'a message on the bus can not be read; further ones are only counted');
  }

  #activate(documentIds: readonly string[]): void {
    const now = performance.now();
    for (const documentId of documentIds) {
      const reason = this.#subscriptions.activate(documentId, now);
      if (reason !== undefined) this.#resyncs.add(documentId, reason);
    }
  }

  #reportNow(documentId: string, reason: ResyncReason): void {
    // `onUpdate` may have unsubscribed. A report that is queued already covers this one.
    if (!this.#subscriptions.has(documentId) || this.#resyncs.has(documentId)) return;
    this.#report([documentId], reason);
  }

  #report(documentIds: readonly string[], reason: ResyncReason): void {
    if (this.#closed) return;
    this.#options.metrics.resyncs.add(documentIds.length);
    this.#options.events.onResyncNeeded(documentIds, reason);
  }

  #setConnected(connected: boolean): void {
    if (this.#closed || connected === this.#connected) return;
    this.#connected = connected;
    this.#options.metrics.connected.set(connected ? 1 : 0);
    this.#options.events.onStatus(connected);
  }

  /** A tail that can't be sent stays due: receivers that are connected already miss its update. */
  #sendTails(): void {
    const now = performance.now();
    for (const tail of this.#own.dueTails(now, TAILS_AT_ONCE)) {
      if (!this.#sendTail(tail)) this.#own.repeat(tail.documentId, now);
    }
  }

  #sendTail({ documentId, sequence, since }: Tail): boolean {
    const bytes = encodeMessage({ kind: 'tail', ...this.#head(sequence), sentAt: Date.now(), since });
    return this.#transport.send(updateChannel(documentId), bytes);
  }
}

/** A lower bound of the encoded size, in bytes. */
function sizeOf({ fields, text, relays }: DocumentUpdate): number {
  let bytes = text?.length ?? 0;
  for (const { path, value, clientId } of fields) bytes += path.length + value.length + clientId.length;
  for (const operation of relays) bytes += operation.length;
  return bytes;
}
