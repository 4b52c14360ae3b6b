import type { Encoding } from '../../protocol/encode.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { ClientIds, type AwarenessOutcome } from './client-ids.js';
import { AwarenessReplication, type Claim, type AwarenessReplicationOptions } from './replication.js';
import { awarenessTopic, AwarenessFrames, type AwarenessFramesOptions } from './frames.js';
import { LocalStates } from './local-states.js';
import { DocumentAwareness, type LocalState, type Shown } from './document-awareness.js';
import { AwarenessDocuments } from './documents.js';
import type { Session, SessionAwareness } from '../session/session.js';

export interface AwarenessOptions extends AwarenessFramesOptions {
  readonly metrics: Pick<AcceptorMetrics, 'awarenessLeaves' | 'awarenessDropped'>;
  /** Milliseconds after which a state that was not renewed is removed. */
  readonly timeoutMs: number;
  /** Client ids per session. */
  readonly maxClientIds: number;
  /** Approximate bytes of memory for the states of all sessions. */
  readonly maxBytes: number;
  /** Approximate bytes of memory for the states of one session. */
  readonly maxSessionBytes: number;
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
  /** Of the client; only a larger one changes the state. */
  readonly clock: number;
}

/** Longest time between two checks for expired states, in ms. */
const TICK_MS = 1_000;
/** Checks per timeout, in a cluster. */
const TICKS = 6;
/** Without other nodes, ownership needs no agreement. */
const unclustered: Claim = { run: '', user: '', claimed: 0, generation: 0 };

/**
 * Awareness: which clients are present in a document, and the state that each publishes. It is ephemeral and lives on
 * the acceptor alone; per client, the state with the largest clock counts. A session speaks only for client ids that it
 * has bound, so no user can speak for another user's client. In a cluster, the states of other nodes are included.
 */
export class Awareness {
  readonly #options: AwarenessOptions;
  readonly #documents: AwarenessDocuments;
  readonly #clientIds: ClientIds;
  readonly #locals: LocalStates;
  readonly #frames: AwarenessFrames;
  readonly #cluster: AwarenessReplication | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: AwarenessOptions) {
    this.#options = options;
    this.#documents = new AwarenessDocuments({
      onAdded: (document) => this.#cluster?.enter(document),
      onRemoved: (document) => this.#cluster?.leave(document),
    });
    this.#clientIds = new ClientIds(options.maxClientIds);
    this.#locals = new LocalStates(options);
    this.#frames = new AwarenessFrames(options);
    const { cluster, timeoutMs, metrics } = options;
    if (cluster !== undefined) {
      const onChange = this.#frames.publishChange.bind(this.#frames);
      const documents = this.#documents.byId;
      this.#cluster = new AwarenessReplication(cluster, { documents, timeoutMs, metrics, onChange });
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
    return this.#clientIds.size;
  }

  /** States of the clients of this node. */
  get states(): number {
    return this.#locals.size;
  }

  /** States of the clients of other nodes. */
  get remoteStates(): number {
    return this.#cluster?.remotes.states ?? 0;
  }

  /** A message of another node about a document, in the format of cluster/awareness-message.ts. */
  receive(documentId: string, message: Uint8Array): void {
    this.#cluster?.receive(documentId, message, performance.now());
  }

  /** Messages about a document reach the other nodes from now on, or again. */
  active(documentId: string): void {
    this.#cluster?.active(documentId);
  }

  /** A shard has a new worker, which follows nothing yet. */
  restart(shard: number): void {
    this.#cluster?.restart(shard);
  }

  /** These processes have ended: their clients leave. */
  forgetRuns(runs: Iterable<string>): void {
    this.#cluster?.remotes.forgetRuns(runs);
  }

  /** Removes all clients of this node; resolves when the shards were given the messages for the other nodes. */
  async drain(): Promise<void> {
    if (this.#cluster === undefined) return;
    for (const session of this.#locals.sessions()) this.leaveAll(session);
    await this.#cluster.flushed();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#cluster?.stop();
  }

  /** Subscribes a session to the awareness of a document. @returns False when the session is at its limit. */
  subscribe(session: Session, documentId: string): boolean {
    const { documents } = session.ensureAwareness();
    if (documents.has(documentId)) return true;
    if (documents.size >= this.#options.maxDocuments) return false;
    documents.set(documentId, session.encoding);
    this.#documents.ensure(documentId).subscribers[session.encoding]++;
    session.socket.subscribe(awarenessTopic(session.encoding, documentId));
    return true;
  }

  /** The `awareness_state` of a document, as a session is sent it. */
  stateFrame({ encoding }: Session, documentId: string): Uint8Array<ArrayBuffer> {
    return this.#frames.stateFrame(this.#documents.get(documentId) ?? new DocumentAwareness(documentId), encoding);
  }

  /** The session has changed its encoding. */
  switchEncoding(session: Session): void {
    for (const [documentId, former] of session.awareness?.documents ?? []) {
      if (former === session.encoding) continue;
      const document = this.#documents.ensure(documentId);
      document.subscribers[former]--;
      document.subscribers[session.encoding]++;
      session.socket.unsubscribe(awarenessTopic(former, documentId));
      session.socket.subscribe(awarenessTopic(session.encoding, documentId));
      session.awareness?.documents.set(documentId, session.encoding);
    }
  }

  /** Applies an update from a session of this user, and publishes it if it changes anything. */
  update(session: Session, userId: string, update: AwarenessUpdate): AwarenessOutcome {
    const { documentId, clientId, state, clock } = update;
    const document = this.#documents.get(documentId);
    if (document !== undefined && this.#isOwnedByOther(document, clientId, session, userId)) return 'notOwner';
    const bound = this.#clientIds.bind(session, userId, documentId, clientId);
    if (bound !== 'accepted') return bound;
    const known = document?.locals.get(clientId);
    if (state === undefined) {
      if (known !== undefined) this.#leave(known, Math.max(clock, known.clock), 'left');
      return 'accepted';
    }
    if (document === undefined || known === undefined) return this.#enter(session, userId, update, state);
    if (known.session !== session) return this.#takeOver(known, session, userId, update, state);
    this.#locals.touch(known, performance.now());
    if (clock > known.clock) {
      const before = document.shownOf(clientId);
      if (!this.#locals.replace(known, state)) return 'overLimit';
      if (this.#cluster?.isOwnedRemotely(document, clientId) === true) {
        known.generation = this.#claim(document, clientId, session, userId).generation;
      }
      known.clock = clock;
      this.#changed(document, clientId, before);
    }
    return 'accepted';
  }

  /** The session has closed: its clients leave at once, and their ids are free. */
  leaveAll(session: Session): void {
    for (const entry of this.#locals.ofSession(session)) this.#leave(entry, entry.clock, 'disconnected');
    const { awareness } = session;
    if (awareness === undefined) return;
    this.#clientIds.release(session);
    for (const [documentId, encoding] of awareness.documents) this.#unfollow(awareness, documentId, encoding);
  }

  /**
   * The session belongs to this user from now on and may read these documents only. What it published as another user,
   * or in other documents, is removed.
   */
  restrict(session: Session, userId: string, mayRead: (documentId: string) => boolean): void {
    const { awareness } = session;
    if (awareness === undefined) return;
    this.#clientIds.restrict(session, userId);
    for (const entry of this.#locals.ofSession(session)) {
      const isBound = awareness.clientIds.get(entry.clientId)?.has(entry.documentId) === true;
      if (!isBound || !mayRead(entry.documentId)) this.#leave(entry, entry.clock, 'left');
    }
    for (const [documentId, encoding] of awareness.documents) {
      if (mayRead(documentId)) continue;
      session.socket.unsubscribe(awarenessTopic(encoding, documentId));
      this.#unfollow(awareness, documentId, encoding);
    }
  }

  /** Removes the states that were not renewed in time, and does the periodic work of the cluster. */
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
    this.#documents.removeIfEmpty(document);
  }

  #enter(session: Session, userId: string, update: AwarenessUpdate, state: string): AwarenessOutcome {
    const { documentId, clientId, clock } = update;
    if (!this.#locals.fits(session, state)) return 'overLimit';
    const document = this.#documents.ensure(documentId);
    const before = document.shownOf(clientId);
    this.#show(document, session, { clientId, clock, state, claim: this.#claim(document, clientId, session, userId) });
    this.#changed(document, clientId, before);
    return 'accepted';
  }

  /** The client has reconnected; its clock may have started again from 0. */
  #takeOver(
    known: LocalState,
    session: Session,
    userId: string,
    { clientId, clock }: AwarenessUpdate,
    state: string,
  ): AwarenessOutcome {
    const document = this.#documents.ensure(known.documentId);
    const before = document.shownOf(clientId);
    const claim = this.#claim(document, clientId, session, userId);
    if (clock <= known.clock) this.#options.metrics.awarenessLeaves('left').add(1);
    this.#forget(document, known);
    const fits = this.#locals.fits(session, state);
    if (fits) this.#show(document, session, { clientId, clock, state, claim });
    this.#changed(document, clientId, before);
    this.#documents.removeIfEmpty(document);
    return fits ? 'accepted' : 'overLimit';
  }

  #claim(document: DocumentAwareness, clientId: string, session: Session, userId: string): Claim {
    const since = this.#clientIds.ownedSince(userId, document.documentId, clientId);
    return this.#cluster?.claim(document, clientId, session, userId, since) ?? unclustered;
  }

  /** Whether another node shows the id for another user, who did not only use it while its owner was away. */
  #isOwnedByOther(document: DocumentAwareness, clientId: string, session: Session, userId: string): boolean {
    const since = this.#cluster && this.#clientIds.ownedSince(userId, document.documentId, clientId);
    return this.#cluster?.isOwnedByOther(document, clientId, session, userId, since) === true;
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
    const document = this.#documents.ensure(documentId);
    const before = document.shownOf(clientId);
    this.#forget(document, local);
    this.#changed(document, clientId, before, clock);
    this.#documents.removeIfEmpty(document);
  }

  #forget(document: DocumentAwareness, local: LocalState): void {
    this.#locals.delete(local);
    document.locals.delete(local.clientId);
  }

  #changed(document: DocumentAwareness, clientId: string, before: Shown | undefined, leftAt?: number): void {
    this.#cluster?.change(document, clientId);
    this.#frames.publishChange(document, clientId, before, leftAt);
  }
}
