import { encodeFrame, quote, type Body, type Encoding } from '../protocol/encode.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import type { MessageType } from '../protocol/codes.js';
import type { Session, SessionPresence } from './session.js';
import type { SessionMeter } from './session-meter.js';

export interface PresenceOptions {
  /** Sends a frame to all subscribers of a native topic. */
  readonly publish: (topic: string, frame: Uint8Array<ArrayBuffer>, isBinary: boolean) => void;
  readonly metrics: Pick<AcceptorMetrics, 'awarenessLeaves'>;
  readonly meter: SessionMeter;
  /** Milliseconds after which a state that was not renewed leaves. */
  readonly timeoutMs: number;
  readonly maxClientIds: number;
  /** States and subscriptions per session. */
  readonly maxDocuments: number;
}

/** The newest state of one client in one document. */
interface Entry {
  readonly documentId: string;
  readonly clientId: string;
  session: Session;
  /** JSON text. */
  state: string;
  clock: number;
  /** Milliseconds of the monotonic clock. */
  seen: number;
}

interface Room {
  readonly states: Map<string, Entry>;
  readonly subscribers: Record<Encoding, number>;
}

export interface AwarenessUpdate {
  readonly documentId: string;
  readonly clientId: string;
  /** JSON text of an object, or undefined when the client leaves. */
  readonly state: string | undefined;
  readonly clock: number;
}

export type PresenceOutcome = 'taken' | 'notYours' | 'tooMany';

const topics: Readonly<Record<Encoding, string>> = { binary: 'ab:', json: 'aj:' };

/**
 * Awareness: who is there and what they show. Ephemeral, on the acceptor alone; the newest state per client counts. A
 * session speaks only for client ids that it has bound, so nobody can speak for another user's client.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #bound = new Map<string, { session: Session; userId: string }>();
  /** The one not seen for longest in front. */
  readonly #bySeen = new Set<Entry>();
  readonly #bySession = new Map<Session, Set<Entry>>();
  readonly #timer: NodeJS.Timeout;
  #ids = 0;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#timer = setInterval(
      () => {
        this.expire(performance.now());
      },
      Math.min(1_000, options.timeoutMs),
    );
    this.#timer.unref();
  }

  /** Client ids that sessions are bound to. */
  get clients(): number {
    return this.#bound.size;
  }

  /** States held. */
  get states(): number {
    return this.#bySeen.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Subscribes a session; the answer's `states` as JSON text, or undefined when it has too many documents. */
  subscribe(session: Session, documentId: string): string | undefined {
    const { documents } = session.joinPresence();
    if (!documents.has(documentId)) {
      if (documents.size >= this.#options.maxDocuments) return undefined;
      documents.set(documentId, session.encoding);
      this.#room(documentId).subscribers[session.encoding]++;
      session.socket.subscribe(topics[session.encoding] + documentId);
    }
    const states = this.#rooms.get(documentId)?.states.values() ?? [];
    return `[${Array.from(states, (entry) => `{"clientId":${quote(entry.clientId)},"state":${entry.state},"clock":${entry.clock}}`).join(',')}]`;
  }

  /** The session takes frames of another encoding from now on. */
  switchEncoding(session: Session): void {
    for (const [documentId, former] of session.presence?.documents ?? []) {
      if (former === session.encoding) continue;
      const room = this.#room(documentId);
      room.subscribers[former]--;
      room.subscribers[session.encoding]++;
      session.socket.unsubscribe(topics[former] + documentId);
      session.socket.subscribe(topics[session.encoding] + documentId);
      session.presence?.documents.set(documentId, session.encoding);
    }
  }

  /** Takes an update from a session of this user, and relays it if it is news. */
  update(session: Session, userId: string, update: AwarenessUpdate): PresenceOutcome {
    const { documentId, clientId, state, clock } = update;
    const bound = this.#bind(session, userId, clientId);
    if (bound !== 'taken') return bound;
    const known = this.#rooms.get(documentId)?.states.get(clientId);
    if (state === undefined) {
      if (known !== undefined) this.#leave(known, Math.max(clock, known.clock), 'left');
      return 'taken';
    }
    if (known === undefined) return this.#enter(session, documentId, clientId, state, clock);
    this.#touch(known, performance.now());
    if (known.session !== session) {
      // The client is back with a new connection; a counter that began anew would be ignored by those who saw the old.
      if (clock <= known.clock) this.#leave(known, known.clock, 'left');
      else this.#forget(known);
      return this.#enter(session, documentId, clientId, state, clock);
    }
    if (clock > known.clock) {
      known.state = state;
      known.clock = clock;
      this.#relay(known.documentId, clientId, state, clock);
    }
    return 'taken';
  }

  /** A session is gone: its clients leave at once, and their ids are free. */
  leaveAll(session: Session): void {
    for (const entry of this.#bySession.get(session) ?? []) this.#leave(entry, entry.clock, 'disconnected');
    const { presence } = session;
    if (presence === undefined) return;
    for (const clientId of presence.clientIds) this.#bound.delete(clientId);
    presence.clientIds.clear();
    for (const [documentId, encoding] of presence.documents) this.#unfollow(presence, documentId, encoding);
  }

  /**
   * The session speaks for this user from now on and may read these documents only: what it said as another user, or
   * in other documents, leaves.
   */
  restrict(session: Session, userId: string, mayRead: (documentId: string) => boolean): void {
    const { presence } = session;
    if (presence === undefined) return;
    for (const clientId of presence.clientIds) {
      if (this.#bound.get(clientId)?.userId === userId) continue;
      this.#bound.delete(clientId);
      presence.clientIds.delete(clientId);
    }
    for (const entry of this.#bySession.get(session) ?? []) {
      if (!presence.clientIds.has(entry.clientId) || !mayRead(entry.documentId))
        this.#leave(entry, entry.clock, 'left');
    }
    for (const [documentId, encoding] of presence.documents) {
      if (mayRead(documentId)) continue;
      session.socket.unsubscribe(topics[encoding] + documentId);
      this.#unfollow(presence, documentId, encoding);
    }
  }

  /** Lets those leave who were not seen for too long. */
  expire(now: number): void {
    for (const entry of this.#bySeen) {
      if (now - entry.seen < this.#options.timeoutMs) return;
      this.#leave(entry, entry.clock, 'expired');
    }
  }

  #unfollow(presence: SessionPresence, documentId: string, encoding: Encoding): void {
    presence.documents.delete(documentId);
    const room = this.#rooms.get(documentId);
    if (room === undefined) return;
    room.subscribers[encoding]--;
    this.#tidy(documentId, room);
  }

  /** The first session to speak for an id holds it while it lives; a later one of the same user takes it over. */
  #bind(session: Session, userId: string, clientId: string): PresenceOutcome {
    const holder = this.#bound.get(clientId);
    if (holder?.session === session) return 'taken';
    if (holder !== undefined && holder.userId !== userId) return 'notYours';
    const { clientIds } = session.joinPresence();
    if (clientIds.size >= this.#options.maxClientIds) return 'tooMany';
    holder?.session.presence?.clientIds.delete(clientId);
    clientIds.add(clientId);
    this.#bound.set(clientId, { session, userId });
    return 'taken';
  }

  #enter(session: Session, documentId: string, clientId: string, state: string, clock: number): PresenceOutcome {
    let entries = this.#bySession.get(session);
    if (entries === undefined) this.#bySession.set(session, (entries = new Set()));
    if (entries.size >= this.#options.maxDocuments) return 'tooMany';
    const entry: Entry = { documentId, clientId, session, state, clock, seen: performance.now() };
    entries.add(entry);
    this.#bySeen.add(entry);
    this.#room(documentId).states.set(clientId, entry);
    this.#relay(documentId, clientId, state, clock);
    return 'taken';
  }

  #touch(entry: Entry, now: number): void {
    entry.seen = now;
    this.#bySeen.delete(entry);
    this.#bySeen.add(entry);
  }

  #leave(entry: Entry, clock: number, reason: 'left' | 'disconnected' | 'expired'): void {
    this.#options.metrics.awarenessLeaves(reason).add(1);
    this.#forget(entry);
    this.#relay(entry.documentId, entry.clientId, 'null', clock);
  }

  #forget(entry: Entry): void {
    this.#bySeen.delete(entry);
    const entries = this.#bySession.get(entry.session);
    entries?.delete(entry);
    if (entries?.size === 0) this.#bySession.delete(entry.session);
    const room = this.#rooms.get(entry.documentId);
    room?.states.delete(entry.clientId);
    if (room !== undefined) this.#tidy(entry.documentId, room);
  }

  #relay(documentId: string, clientId: string, state: string, clock: number): void {
    const room = this.#rooms.get(documentId);
    if (room === undefined) return;
    const id = `a${(this.#ids++).toString(36)}`;
    const body: Body = `"id":"${id}","documentId":"${documentId}","clientId":${quote(clientId)},"state":${state},"clock":${clock}`;
    const type: MessageType = 'awareness_update';
    const now = Date.now();
    for (const encoding of ['binary', 'json'] as const) {
      if (room.subscribers[encoding] === 0) continue;
      const frame = encodeFrame(type, body, now, encoding);
      this.#options.publish(topics[encoding] + documentId, frame, encoding === 'binary');
      this.#options.meter.sent(type, frame.length, room.subscribers[encoding]);
    }
  }

  #room(documentId: string): Room {
    let room = this.#rooms.get(documentId);
    if (room === undefined) {
      room = { states: new Map(), subscribers: { binary: 0, json: 0 } };
      this.#rooms.set(documentId, room);
    }
    return room;
  }

  #tidy(documentId: string, room: Room): void {
    if (room.states.size === 0 && room.subscribers.binary === 0 && room.subscribers.json === 0) {
      this.#rooms.delete(documentId);
    }
  }
}
