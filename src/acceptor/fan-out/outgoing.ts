import type { Session } from '../session/session.js';
import type { Sessions } from '../session/sessions.js';

export interface OutgoingOptions {
  /** Those whose sockets are looked at. */
  readonly sessions: readonly Pick<Sessions, 'values'>[];
  /** Bytes that may wait for all clients together. */
  readonly maxBytes: number;
  /** Disconnects a client that is too slow. */
  readonly disconnect: (session: Session) => void;
  /** Goes on with the reads of a session, if it has room. */
  readonly pumpReads: (session: Session) => void;
}

/** Time between two portions of sessions that are looked at, in ms. */
const TICK_MS = 50;
/** Sessions that are looked at in a portion. */
const PORTION = 2_000;
/** Less is not worth a look: the kernel may take it at any time. */
const FEW_BYTES = 64 * 1024;
/** Time without taking anything after which a client is stuck, in ms. */
const STUCK_MS = 10_000;

/**
 * The bytes that wait for clients to receive them, of all sessions together. uWS tells how many wait for one socket and
 * bounds each, but what it publishes is counted nowhere, so the sockets are looked at in turn.
 */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #timer: NodeJS.Timeout;
  /** The rest of the present pass, by group of sessions; empty between two passes. */
  #pass: IterableIterator<Session>[] = [];
  #bytes = 0;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.look(performance.now());
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Bytes that wait, as last seen. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much waits that nothing may be added that can be made again later. */
  get isCrowded(): boolean {
    return this.#bytes > this.#options.maxBytes / 2;
  }

  /** A session was sent something large. */
  measure(session: Session): void {
    const bytes = session.isOpen ? session.socket.getBufferedAmount() : 0;
    this.#bytes += bytes - session.outgoingBytes;
    session.outgoingBytes = bytes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at the next portion of sessions. @param now Milliseconds of the monotonic clock. */
  look(now: number): void {
    if (this.#pass.length === 0) this.#pass = this.#options.sessions.map((sessions) => sessions.values());
    let left = PORTION;
    for (let group = this.#pass[0]; group !== undefined; group = this.#pass[0]) {
      // The iterator of a map goes on where a loop has left it, and makes no object for each step in one.
      for (const session of group) {
        this.#lookAt(session, now);
        if (--left === 0) return;
      }
      this.#pass.shift();
    }
    this.#relieve();
  }

  #lookAt(session: Session, now: number): void {
    const before = session.outgoingBytes;
    this.measure(session);
    session.rest(now);
    // Its socket may have room, but there was none for all sockets together; nothing else would go on with them.
    if (session.reads !== undefined && !this.isCrowded) this.#options.pumpReads(session);
    if (session.outgoingBytes < FEW_BYTES || session.outgoingBytes < before) {
      session.stuckSince = undefined;
      return;
    }
    session.stuckSince ??= now;
    if (this.isCrowded && now - session.stuckSince > STUCK_MS) this.#options.disconnect(session);
  }

  /** Disconnects those for whom most waits, until there is room. */
  #relieve(): void {
    const { maxBytes, sessions, disconnect } = this.#options;
    if (this.#bytes <= maxBytes) return;
    const largest = sessions
      .flatMap((group) => [...group.values()])
      .filter(({ outgoingBytes }) => outgoingBytes > 0)
      .sort((a, b) => b.outgoingBytes - a.outgoingBytes);
    let left = this.#bytes;
    for (const session of largest) {
      if (left <= maxBytes) return;
      left -= session.outgoingBytes;
      disconnect(session);
    }
  }
}
