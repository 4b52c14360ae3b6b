import type { Encoding } from '../protocol/encode.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { PresenceCluster, type Claim, type PresenceClusterOptions } from './presence-cluster.js';
import { awarenessTopic, PresenceFrames, statesOf, type PresenceFramesOptions } from './presence-frames.js';
import { PresenceLocals } from './presence-locals.js';
import { Room, type LocalState, type Shown } from './presence-room.js';
import type { Session, SessionPresence } from './session.js';

export interface PresenceOptions extends PresenceFramesOptions {
  readonly metrics: Pick<AcceptorMetrics, 'awarenessLeaves' | 'presenceDropped'>;
  /** Milliseconds after which a state that was not renewed leaves. */
  readonly timeoutMs: number;
  readonly maxClientIds: number;
  /** Bytes of memory that the states of all sessions may take, about. */
  readonly maxBytes: number;
  /** States and subscriptions per session. */
  readonly maxDocuments: number;
  /** Absent when there are no other nodes. */
  readonly cluster?: PresenceClusterOptions | undefined;
}

export interface AwarenessUpdate {
  readonly documentId: string;
  readonly clientId: string;
  /** JSON text of an object, or undefined when the client leaves. */
  readonly state: string | undefined;
  readonly clock: number;
}

export type PresenceOutcome = 'taken' | 'notYours' | 'tooMany';

/** How often stale states are looked for, in ms, and in a cluster within the time in which they leave. */
const TICK_MS = 1_000;
const TICKS = 6;
/** Without other nodes there is nobody to agree with. */
const alone: Claim = { run: '', user: '', claimed: 0, turn: 0 };

/**
 * Awareness: who is there and what they show. Ephemeral, on the acceptor alone; the newest state per client counts. A
 * session speaks only for client ids that it has bound, so nobody can speak for another user's client. In a cluster, what
 * other nodes show is seen too.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #bound = new Map<string, { session: Session; userId: string }>();
  readonly #locals: PresenceLocals;
  readonly #frames: PresenceFrames;
  readonly #cluster: PresenceCluster | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#locals = new PresenceLocals(options.maxDocuments, options.maxBytes);
    this.#frames = new PresenceFrames(options);
    const { cluster, timeoutMs, metrics } = options;
    if (cluster !== undefined) {
      const onChange = this.#frames.relayChange.bind(this.#frames);
      this.#cluster = new PresenceCluster(cluster, { rooms: this.#rooms, timeoutMs, metrics, onChange });
    }
    this.#timer = setInterval(
      () => {
        this.expire(performance.now());
      },
      Math.min(TICK_MS, cluster === undefined ? timeoutMs : timeoutMs / TICKS),
    );
    this.#timer.unref();
  }

  /** Client ids that sessions are bound to. */
  get clients(): number {
    return this.#bound.size;
  }

  /** States of the clients here. */
  get states(): number {
    return this.#locals.size;
  }

  /** States of the clients of other nodes. */
  get remoteStates(): number {
    return this.#cluster?.remotes.states ?? 0;
  }

  /** What another node says of a document, in the format of the bus. */
  receive(documentId: string, message: Uint8Array): void {
    this.#cluster?.receive(documentId, message, performance.now());
  }

  /** The other nodes hear of a document from now on, or again. */
  active(documentId: string): void {
    this.#cluster?.active(documentId);
  }

  /** A shard has a new worker, which knows nothing. */
  restart(shard: number): void {
    this.#cluster?.restart(shard);
  }

  /** Runs of processes are over, and with them their clients. */
  forgetRuns(runs: Iterable<string>): void {
    this.#cluster?.remotes.forgetRuns(runs);
  }

  /** Everybody here leaves; resolves when the shards were told to tell the other nodes. */
  async goodbye(): Promise<void> {
    if (this.#cluster === undefined) return;
    for (const session of this.#locals.sessions()) this.leaveAll(session);
    await this.#cluster.told();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#cluster?.stop();
  }

  /** Subscribes a session; the answer's `states` as JSON text, or undefined when it has too many documents. */
  subscribe(session: Session, documentId: string): string | undefined {
    const { documents } = session.joinPresence();
    if (!documents.has(documentId)) {
      if (documents.size >= this.#options.maxDocuments) return undefined;
      documents.set(documentId, session.encoding);
      this.#room(documentId).subscribers[session.encoding]++;
      session.socket.subscribe(awarenessTopic(session.encoding, documentId));
    }
    const room = this.#rooms.get(documentId);
    return room === undefined ? '[]' : statesOf(room);
  }

  /** The session takes frames of another encoding from now on. */
  switchEncoding(session: Session): void {
    for (const [documentId, former] of session.presence?.documents ?? []) {
      if (former === session.encoding) continue;
      const room = this.#room(documentId);
      room.subscribers[former]--;
      room.subscribers[session.encoding]++;
      session.socket.unsubscribe(awarenessTopic(former, documentId));
      session.socket.subscribe(awarenessTopic(session.encoding, documentId));
      session.presence?.documents.set(documentId, session.encoding);
    }
  }

  /** Takes an update from a session of this user, and relays it if it is news. */
  update(session: Session, userId: string, update: AwarenessUpdate): PresenceOutcome {
    const { documentId, clientId, state, clock } = update;
    const room = this.#rooms.get(documentId);
    if (room !== undefined && this.#cluster?.isTaken(room, clientId, session, userId) === true) return 'notYours';
    const bound = this.#bind(session, userId, clientId);
    if (bound !== 'taken') return bound;
    const known = room?.locals.get(clientId);
    if (state === undefined) {
      if (known !== undefined) this.#leave(known, Math.max(clock, known.clock), 'left');
      return 'taken';
    }
    if (room === undefined || known === undefined) return this.#enter(session, userId, update, state);
    if (known.session !== session) return this.#takeOver(known, session, userId, update, state);
    this.#locals.touch(known, performance.now());
    if (clock > known.clock) {
      const before = room.shownOf(clientId);
      if (!this.#locals.replace(known, state)) return 'tooMany';
      if (this.#cluster?.isAway(room, clientId) === true) {
        known.turn = this.#cluster.claim(room, clientId, session, userId).turn;
      }
      known.clock = clock;
      this.#changed(room, clientId, before);
    }
    return 'taken';
  }

  /** A session is gone: its clients leave at once, and their ids are free. */
  leaveAll(session: Session): void {
    for (const entry of this.#locals.ofSession(session)) this.#leave(entry, entry.clock, 'disconnected');
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
    for (const entry of this.#locals.ofSession(session)) {
      if (!presence.clientIds.has(entry.clientId) || !mayRead(entry.documentId))
        this.#leave(entry, entry.clock, 'left');
    }
    for (const [documentId, encoding] of presence.documents) {
      if (mayRead(documentId)) continue;
      session.socket.unsubscribe(awarenessTopic(encoding, documentId));
      this.#unfollow(presence, documentId, encoding);
    }
  }

  /** Lets those leave who were not seen for too long. */
  expire(now: number): void {
    for (const local of this.#locals.bySeen()) {
      if (now - local.seen < this.#options.timeoutMs) break;
      this.#leave(local, local.clock, 'expired');
    }
    this.#cluster?.tick(now);
  }

  #unfollow(presence: SessionPresence, documentId: string, encoding: Encoding): void {
    presence.documents.delete(documentId);
    const room = this.#rooms.get(documentId);
    if (room === undefined) return;
    room.subscribers[encoding]--;
    this.#tidy(room);
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

  #enter(session: Session, userId: string, update: AwarenessUpdate, state: string): PresenceOutcome {
    const { documentId, clientId, clock } = update;
    if (!this.#locals.hasRoom(session, state)) return 'tooMany';
    const room = this.#room(documentId);
    const before = room.shownOf(clientId);
    this.#show(room, session, { clientId, clock, state, claim: this.#claim(room, clientId, session, userId) });
    this.#changed(room, clientId, before);
    return 'taken';
  }

  /** The client is back with a new connection, and its counter may have begun anew. */
  #takeOver(
    known: LocalState,
    session: Session,
    userId: string,
    { clientId, clock }: AwarenessUpdate,
    state: string,
  ): PresenceOutcome {
    const room = this.#room(known.documentId);
    const before = room.shownOf(clientId);
    const claim = this.#claim(room, clientId, session, userId);
    if (clock <= known.clock) this.#options.metrics.awarenessLeaves('left').add(1);
    this.#forget(room, known);
    const hasRoom = this.#locals.hasRoom(session, state);
    if (hasRoom) this.#show(room, session, { clientId, clock, state, claim });
    this.#changed(room, clientId, before);
    this.#tidy(room);
    return hasRoom ? 'taken' : 'tooMany';
  }

  #claim(room: Room, clientId: string, session: Session, userId: string): Claim {
    return this.#cluster?.claim(room, clientId, session, userId) ?? alone;
  }

  #show(
    room: Room,
    session: Session,
    { clientId, clock, state, claim }: { clientId: string; clock: number; state: string; claim: Claim },
  ): void {
    const { documentId } = room;
    const local: LocalState = { ...claim, documentId, clientId, session, state, clock, seen: performance.now() };
    this.#locals.add(local);
    room.locals.set(clientId, local);
  }

  #leave(local: LocalState, clock: number, reason: 'left' | 'disconnected' | 'expired'): void {
    this.#options.metrics.awarenessLeaves(reason).add(1);
    const { documentId, clientId } = local;
    const room = this.#room(documentId);
    const before = room.shownOf(clientId);
    this.#forget(room, local);
    this.#changed(room, clientId, before, clock);
    this.#tidy(room);
  }

  #forget(room: Room, local: LocalState): void {
    this.#locals.delete(local);
    room.locals.delete(local.clientId);
  }

  #changed(room: Room, clientId: string, before: Shown | undefined, leftAt?: number): void {
    this.#cluster?.change(room, clientId);
    this.#frames.relayChange(room, clientId, before, leftAt);
  }

  #room(documentId: string): Room {
    let room = this.#rooms.get(documentId);
    if (room === undefined) {
      room = new Room(documentId);
      this.#rooms.set(documentId, room);
      this.#cluster?.enter(room);
    }
    return room;
  }

  #tidy(room: Room): void {
    if (!room.isEmpty || !this.#rooms.delete(room.documentId)) return;
    this.#cluster?.leave(room);
  }
}
