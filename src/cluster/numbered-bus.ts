/** The bus over any transport: numbers what it sends, and notices what it misses. */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { BehindQueue } from './behind-queue.js';
import { documentOf, isPresence, newsAmong, newsChannel, presenceAmong, presenceChannel } from './channels.js';
import { decodeMessage, encodeMessage, type MessageHead } from './message.js';
import { OwnSequences, type Tail } from './own-sequences.js';
import { PresenceChannels } from './presence-channels.js';
import type { BehindReason, Bus, BusEvents, BusMetrics, DocumentNews } from './port.js';
import { Subscriptions } from './subscriptions.js';
import type { Transport, TransportEvents } from './transport.js';

export interface BusOptions {
  /** Names the node in messages. Several buses of a node may share it. */
  readonly nodeId: string;
  /** Names the run of the process, unlike all others. Buses that share it don't hear of each other's presence. */
  readonly run: string;
  readonly events: BusEvents;
  readonly metrics: BusMetrics;
  readonly log: Logger;
  /** Silence of a document, in ms, after which the number of its last news is repeated. Default 1000. */
  readonly tailMs?: number | undefined;
  /**
   * Bytes of a message above which only its number is sent, and receivers load the document. Default 1 MiB: a server
   * cuts off a subscriber that can't keep up with what waits for it, which for Redis is 32 MiB by default.
   */
  readonly maxMessageBytes?: number | undefined;
  /** Documents whose numbers are remembered. Default 100 000, about 20 MB. */
  readonly maxNumberedDocuments?: number | undefined;
}

/** Tails sent in one turn; after the connection was lost there may be as many as documents. */
const TAILS_AT_ONCE = 500;
/** More than a transport takes to notice that its connection is dead, in ms. */
const UNNOTICED_MS = 30_000;

export class NumberedBus implements Bus {
  readonly #options: BusOptions;
  readonly #maxMessageBytes: number;
  readonly #transport: Transport;
  readonly #epoch = randomInt(2 ** 48 - 1);
  readonly #own: OwnSequences;
  readonly #subscriptions = new Subscriptions();
  readonly #behind: BehindQueue<BehindReason>;
  readonly #presence: PresenceChannels;
  readonly #tails: NodeJS.Timeout;
  #connected = false;
  #closed = false;
  #closing: Promise<void> | undefined;
  #saidMalformed = false;

  /** @param connect Makes the transport, which raises these events. */
  constructor(options: BusOptions, connect: (events: TransportEvents) => Transport) {
    const { tailMs = 1_000, maxMessageBytes = 1024 * 1024, maxNumberedDocuments = 100_000 } = options;
    this.#options = options;
    this.#maxMessageBytes = maxMessageBytes;
    this.#own = new OwnSequences(tailMs, maxNumberedDocuments);
    this.#behind = new BehindQueue((documentIds, reason) => {
      this.#report(documentIds, reason);
    });
    this.#presence = this.#openPresence();
    options.metrics.connected.set(0);
    this.#transport = connect({
      message: (channel, bytes) => {
        if (this.#closed) return;
        if (isPresence(channel)) this.#presence.receive(documentOf(channel), bytes);
        else this.#receive(documentOf(channel), bytes);
      },
      active: (channels) => {
        this.#activate(newsAmong(channels));
        this.#presence.activate(presenceAmong(channels));
      },
      lost: (channels) => {
        for (const documentId of newsAmong(channels)) this.#subscriptions.deactivate(documentId);
        this.#presence.deactivate(presenceAmong(channels));
      },
      status: (connected) => {
        this.#setConnected(connected);
      },
      resumed: (lostAt) => {
        // The tails of what was sent into a dead connection may have gone the same way.
        this.#own.repeatSince(lostAt - UNNOTICED_MS, performance.now());
        this.#presence.resume();
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

  publish(news: DocumentNews): void {
    if (this.#closed) return;
    const { metrics } = this.#options;
    const { documentId } = news;
    const numbered = this.#own.next(documentId, performance.now());
    const head = { ...this.#head(numbered.sequence), sentAt: Date.now() };
    let bytes: Uint8Array | undefined;
    // What is too large anyway is not worth the time of encoding it.
    if (sizeOf(news) <= this.#maxMessageBytes) {
      bytes = encodeMessage({ kind: 'news', ...head, since: numbered.since, news });
    }
    if (bytes === undefined || bytes.length > this.#maxMessageBytes) {
      metrics.omitted.add(1);
      bytes = encodeMessage({ kind: 'tail', ...head, since: 0 });
    }
    if (this.#transport.send(newsChannel(documentId), bytes)) metrics.published.add(1);
    else metrics.dropped.add(1);
  }

  subscribe(documentIds: readonly string[]): void {
    if (this.#closed) return;
    const added = documentIds.filter((documentId) => this.#subscriptions.add(documentId));
    if (added.length > 0) this.#transport.subscribe(added.map(newsChannel));
  }

  unsubscribe(documentIds: readonly string[]): void {
    if (this.#closed) return;
    const removed = documentIds.filter((documentId) => this.#subscriptions.delete(documentId));
    for (const documentId of removed) this.#behind.delete(documentId);
    if (removed.length > 0) this.#transport.unsubscribe(removed.map(newsChannel));
  }

  publishPresence(documentId: string, bytes: Uint8Array): void {
    if (!this.#closed) this.#presence.publish(documentId, bytes);
  }

  followPresence(documentIds: readonly string[]): void {
    if (!this.#closed) this.#presence.follow(documentIds);
  }

  unfollowPresence(documentIds: readonly string[]): void {
    if (!this.#closed) this.#presence.unfollow(documentIds);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#tails);
    this.#behind.close();
    this.#presence.close();
    this.#connected = false;
    this.#options.metrics.connected.set(0);
    const now = performance.now();
    for (const tail of this.#own.pendingTails(now)) this.#sendTail(tail);
    await this.#transport.close();
  }

  #openPresence(): PresenceChannels {
    const { run, events, metrics } = this.#options;
    return new PresenceChannels({
      run,
      metrics,
      send: (documentId, bytes) => this.#transport.send(presenceChannel(documentId), bytes),
      subscribe: (documentIds) => {
        this.#transport.subscribe(documentIds.map(presenceChannel));
      },
      unsubscribe: (documentIds) => {
        this.#transport.unsubscribe(documentIds.map(presenceChannel));
      },
      onPresence: (documentId, bytes) => {
        events.onPresence(documentId, bytes);
      },
      onPresenceActive: (documentIds) => {
        events.onPresenceActive(documentIds);
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
        // What it says is loaded, and with it what may have been missed before it.
        if (message.head) {
          this.#subscriptions.isBehind(documentId, { kind: 'tail', ...message.head, since: 0 }, performance.now());
        }
        this.#reportNow(documentId, 'unreadable');
        return;
      case 'news':
      case 'tail':
        break;
    }
    if (this.#isOwn(message)) return;
    const behind = this.#subscriptions.isBehind(documentId, message, performance.now());
    if (message.kind === 'news') {
      metrics.received.add(1);
      metrics.lag.observe(Math.max(0, Date.now() - message.sentAt) / 1_000);
      events.onNews(message.news);
    }
    if (!behind) return;
    metrics.gaps.add(1);
    this.#reportNow(documentId, 'gap');
  }

  #noteMalformed(documentId: string): void {
    this.#options.metrics.malformed.add(1);
    if (this.#saidMalformed) return;
    this.#saidMalformed = true;
    this.#options.log.warn({ documentId }, 'a message on the bus can not be read; further ones are only counted');
  }

  #activate(documentIds: readonly string[]): void {
    const now = performance.now();
    for (const documentId of documentIds) {
      const reason = this.#subscriptions.activate(documentId, now);
      if (reason !== undefined) this.#behind.add(documentId, reason);
    }
  }

  #reportNow(documentId: string, reason: BehindReason): void {
    // The news may have made the owner unsubscribe. Where a report is due anyway, it covers this.
    if (!this.#subscriptions.has(documentId) || this.#behind.has(documentId)) return;
    this.#report([documentId], reason);
  }

  #report(documentIds: readonly string[], reason: BehindReason): void {
    if (this.#closed) return;
    this.#options.metrics.resyncs.add(documentIds.length);
    this.#options.events.onBehind(documentIds, reason);
  }

  #setConnected(connected: boolean): void {
    if (this.#closed || connected === this.#connected) return;
    this.#connected = connected;
    this.#options.metrics.connected.set(connected ? 1 : 0);
    this.#options.events.onStatus(connected);
  }

  /** What can't be sent stays due: receivers with a better connection miss it already. */
  #sendTails(): void {
    const now = performance.now();
    for (const tail of this.#own.dueTails(now, TAILS_AT_ONCE)) {
      if (!this.#sendTail(tail)) this.#own.repeat(tail.documentId, now);
    }
  }

  #sendTail({ documentId, sequence, since }: Tail): boolean {
    const bytes = encodeMessage({ kind: 'tail', ...this.#head(sequence), sentAt: Date.now(), since });
    return this.#transport.send(newsChannel(documentId), bytes);
  }
}

/** At least how many bytes the message has. */
function sizeOf({ fields, text, relays }: DocumentNews): number {
  let bytes = text?.length ?? 0;
  for (const { path, value, clientId } of fields) bytes += path.length + value.length + clientId.length;
  for (const operation of relays) bytes += operation.length;
  return bytes;
}
