import type { Encoding } from '../../protocol/encode.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { AwarenessReplication, type Claim, type AwarenessReplicationOptions } from './replication.js';
import { awarenessTopic, AwarenessFrames, statesOf, type AwarenessFramesOptions } from './frames.js';
import { LocalStates } from './local-states.js';
import { DocumentAwareness, type LocalState, type Shown } from './document-awareness.js';
import type { Session, SessionAwareness } from '../session/session.js';

export interface AwarenessOptions extends AwarenessFramesOptions {
  readonly metrics: Pick<AcceptorMetrics, 'awarenessLeaves' | 'awarenessDropped'>;
  /** Milliseconds after which a state that was not renewed leaves. */
  readonly timeoutMs: number;
  readonly maxClientIds: number;
  /** Bytes of memory that the states of all sessions may take, about. */
  readonly maxBytes: number;
  /** States and subscriptions per session. */
  readonly maxDocuments: number;
  /** Absent when there are no other nodes. */
  readonly cluster?: AwarenessReplicationOptions | undefined;
}

export interface AwarenessUpdate {
  readonly documentId: string;
  readonly clientId: string;
  /** JSON text of an object, or undefined when the client leaves. */
  readonly state: string | undefined;
  readonly clock: number;
}

export type AwarenessOutcome = 'taken' | 'notYours' | 'tooMany';

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
export class Awareness {
  readonly #options: AwarenessOptions;
  readonly #documents = new Map<string, DocumentAwareness>();
  readonly #bound = new Map<string, { session: Session; userId: string }>();
  readonly #locals: LocalStates;
  readonly #frames: AwarenessFrames;
  readonly #cluster: AwarenessReplication | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: AwarenessOptions) {
    this.#options = options;
    this.#locals = new LocalStates(options.maxDocuments, options.maxBytes);
    this.#frames = new AwarenessFrames(options);
    const { cluster, timeoutMs, metrics } = options;
    if (cluster !== undefined) {
      const onChange = this.#frames.publishChange.bind(this.#frames);
      this.#cluster = new AwarenessReplication(cluster, { documents: this.#documents, timeoutMs, metrics, onChange });
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
    const { documents } = session.ensureAwareness();
    if (!documents.has(documentId)) {
      if (documents.size >= this.#options.maxDocuments) return undefined;
      documents.set(documentId, session.encoding);
      this.#document(documentId).subscribers[session.encoding]++;
      session.socket.subscribe(awarenessTopic(session.encoding, documentId));
    }
    const document = this.#documents.get(documentId);
    return document === undefined ? '[]' : statesOf(document);
  }

  /** The session takes frames of another encoding from now on. */
  switchEncoding(session: Session): void {
    for (const [documentId, former] of session.awareness?.documents ?? []) {
      if (former === session.encoding) continue;
      const document = this.#document(documentId);
      document.subscribers[former]--;
      document.subscribers[session.encoding]++;
      session.socket.unsubscribe(awarenessTopic(former, documentId));
      session.socket.subscribe(awarenessTopic(session.encoding, documentId));
      session.awareness?.documents.set(documentId, session.encoding);
    }
  }

  /** Takes an update from a session of this user, and relays it if it is news. */
  update(session: Session, userId: string, update: AwarenessUpdate): AwarenessOutcome {
    const { documentId, clientId, state, clock } = update;
    const document = this.#documents.get(documentId);
    if (document !== undefined && this.#cluster?.isOwnedByOther(document, clientId, session, userId) === true)
      return 'notYours';
    const bound = this.#bind(session, userId, clientId);
    if (bound !== 'taken') return bound;
    const known = document?.locals.get(clientId);
    if (state === undefined) {
      if (known !== undefined) this.#leave(known, Math.max(clock, known.clock), 'left');
      return 'taken';
    }
    if (document === undefined || known === undefined) return this.#enter(session, userId, update, state);
    if (known.session !== session) return this.#takeOver(known, session, userId, update, state);
    this.#locals.touch(known, performance.now());
    if (clock > known.clock) {
      const before = document.shownOf(clientId);
      if (!this.#locals.replace(known, state)) return 'tooMany';
      if (this.#cluster?.isAway(document, clientId) === true) {
        known.turn = this.#cluster.claim(document, clientId, session, userId).turn;
      }
      known.clock = clock;
      this.#changed(document, clientId, before);
    }
    return 'taken';
  }

  /** A session is gone: its clients leave at once, and their ids are free. */
  leaveAll(session: Session): void {
    for (const entry of this.#locals.ofSession(session)) this.#leave(entry, entry.clock, 'disconnected');
    const { awareness } = session;
    if (awareness === undefined) return;
    for (const clientId of awareness.clientIds) this.#bound.delete(clientId);
    awareness.clientIds.clear();
    for (const [documentId, encoding] of awareness.documents) this.#unfollow(awareness, documentId, encoding);
  }

  /**
   * The session speaks for this user from now on and may read these documents only: what it said as another user, or
   * in other documents, leaves.
   */
  restrict(session: Session, userId: string, mayRead: (documentId: string) => boolean): void {
    const { awareness } = session;
    if (awareness === undefined) return;
    for (const clientId of awareness.clientIds) {
      if (this.#bound.get(clientId)?.userId === userId) continue;
      this.#bound.delete(clientId);
      awareness.clientIds.delete(clientId);
    }
    for (const entry of this.#locals.ofSession(session)) {
      if (!awareness.clientIds.has(entry.clientId) || !mayRead(entry.documentId))
        this.#leave(entry, entry.clock, 'left');
    }
    for (const [documentId, encoding] of awareness.documents) {
      if (mayRead(documentId)) continue;
      session.socket.unsubscribe(awarenessTopic(encoding, documentId));
      this.#unfollow(awareness, documentId, encoding);
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

  #unfollow(awareness: SessionAwareness, documentId: string, encoding: Encoding): void {
    awareness.documents.delete(documentId);
    const document = this.#documents.get(documentId);
    if (document === undefined) return;
    document.subscribers[encoding]--;
    this.#tidy(document);
  }

  /** The first session to speak for an id holds it while it lives; a later one of the same user takes it over. */
  #bind(session: Session, userId: string, clientId: string): AwarenessOutcome {
    const holder = this.#bound.get(clientId);
    if (holder?.session === session) return 'taken';
    if (holder !== undefined && holder.userId !== userId) return 'notYours';
    const { clientIds } = session.ensureAwareness();
    if (clientIds.size >= this.#options.maxClientIds) return 'tooMany';
    holder?.session.awareness?.clientIds.delete(clientId);
    clientIds.add(clientId);
    this.#bound.set(clientId, { session, userId });
    return 'taken';
  }

  #enter(session: Session, userId: string, update: AwarenessUpdate, state: string): AwarenessOutcome {
    const { documentId, clientId, clock } = update;
    if (!this.#locals.fits(session, state)) return 'tooMany';
    const document = this.#document(documentId);
    const before = document.shownOf(clientId);
    this.#show(document, session, { clientId, clock, state, claim: this.#claim(document, clientId, session, userId) });
    this.#changed(document, clientId, before);
    return 'taken';
  }

  /** The client is back with a new connection, and its counter may have begun anew. */
  #takeOver(
    known: LocalState,
    session: Session,
    userId: string,
    { clientId, clock }: AwarenessUpdate,
    state: string,
  ): AwarenessOutcome {
    const document = this.#document(known.documentId);
    const before = document.shownOf(clientId);
    const claim = this.#claim(document, clientId, session, userId);
    if (clock <= known.clock) this.#options.metrics.awarenessLeaves('left').add(1);
    this.#forget(document, known);
    const fits = this.#locals.fits(session, state);
    if (fits) this.#show(document, session, { clientId, clock, state, claim });
    this.#changed(document, clientId, before);
    this.#tidy(document);
    return fits ? 'taken' : 'tooMany';
  }

  #claim(document: DocumentAwareness, clientId: string, session: Session, userId: string): Claim {
    return this.#cluster?.claim(document, clientId, session, userId) ?? alone;
  }

  #show(
    document: DocumentAwareness,
    session: Session,
    { clientId, clock, state, claim }: { clientId: string; clock: number; state: string; claim: Claim },
  ): void {
    const { documentId } = document;
    const local: LocalState = { ...claim, documentId, clientId, session, state, clock, seen: performance.now() };
    this.#locals.add(local);
    document.locals.set(clientId, local);
  }

  #leave(local: LocalState, clock: number, reason: 'left' | 'disconnected' | 'expired'): void {
    this.#options.metrics.awarenessLeaves(reason).add(1);
    const { documentId, clientId } = local;
    const document = this.#document(documentId);
    const before = document.shownOf(clientId);
    this.#forget(document, local);
    this.#changed(document, clientId, before, clock);
    this.#tidy(document);
  }

  #forget(document: DocumentAwareness, local: LocalState): void {
    this.#locals.delete(local);
    document.locals.delete(local.clientId);
  }

  #changed(document: DocumentAwareness, clientId: string, before: Shown | undefined, leftAt?: number): void {
    this.#cluster?.change(document, clientId);
    this.#frames.publishChange(document, clientId, before, leftAt);
  }

  #document(documentId: string): DocumentAwareness {
    let document = this.#documents.get(documentId);
    if (document === undefined) {
      document = new DocumentAwareness(documentId);
      this.#documents.set(documentId, document);
      this.#cluster?.enter(document);
    }
    return document;
  }

  #tidy(document: DocumentAwareness): void {
    if (!document.isEmpty || !this.#documents.delete(document.documentId)) return;
    this.#cluster?.leave(document);
  }
}
