import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAcceptedAwareness } from '../../cluster/awareness-message.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { AwarenessOutbox, type AwarenessShards } from './outbox.js';
import { RemoteStates } from './remote-states.js';
import type { Owner, DocumentAwareness, Shown } from './document-awareness.js';
import type { Session } from '../session/session.js';

export interface AwarenessReplicationOptions {
  /** Names this process, unique among all nodes and starts. */
  readonly run: string;
  readonly shards: AwarenessShards;
  /** Approximate bytes of memory for the states of other nodes. */
  readonly maxRemoteBytes: number;
  /** Shortest time between two batches for a shard, in ms. Default 50. */
  readonly flushMs?: number | undefined;
}

/** What replication needs from the awareness of its node. */
export interface AwarenessHost {
  readonly documents: ReadonlyMap<string, DocumentAwareness>;
  /** Milliseconds after which the states of a process that does not renew them are removed. */
  readonly timeoutMs: number;
  readonly metrics: Pick<AcceptorMetrics, 'awarenessDropped'>;
  /** Another node changed a client. @param before What subscribers saw until then. */
  readonly onChange: (document: DocumentAwareness, clientId: string, before: Shown | undefined) => void;
}

/** The part of an `Owner` that says who it is, without the state. */
export type Claim = Pick<Owner, 'run' | 'user' | 'claimed' | 'generation'>;

/** How often all states are published again within `timeoutMs`. */
const RENEWALS = 3;
const FLUSH_MS = 50;
const FLUSHED_POLL_MS = 5;

/**
 * Awareness across nodes: publishes the states of this node and holds those of the others, for the documents that a
 * session of this node uses. The shards own the bus; nothing here waits for it.
 */
export class AwarenessReplication {
  readonly remotes: RemoteStates;
  readonly #outbox: AwarenessOutbox;
  readonly #run: string;
  readonly #documents: ReadonlyMap<string, DocumentAwareness>;
  /** The hashed user id of each session; see `#nameOf`. */
  readonly #names = new WeakMap<Session, { readonly userId: string; readonly name: string }>();

  constructor({ run, shards, maxRemoteBytes, flushMs = FLUSH_MS }: AwarenessReplicationOptions, host: AwarenessHost) {
    const { documents, timeoutMs, metrics, onChange } = host;
    this.#run = run;
    this.#documents = documents;
    this.#outbox = new AwarenessOutbox({ run, shards, documents, renewMs: timeoutMs / RENEWALS, flushMs });
    this.remotes = new RemoteStates({ timeoutMs, maxBytes: maxRemoteBytes, metrics, onChange });
  }

  /**
   * A message of another process in the format of the bus, which has checked it in the shard's thread.
   *
   * @param now Milliseconds of the monotonic clock.
   */
  receive(documentId: string, bytes: Uint8Array, now: number): void {
    const document = this.#documents.get(documentId);
    if (document === undefined) return;
    const message = readAcceptedAwareness(bytes);
    if (message.kind !== 'ask') this.remotes.apply(document, message, now);
    else if (document.locals.size > 0) this.#outbox.publishAll(documentId);
  }

  /** Messages about a document reach the other nodes from now on, or again. */
  active(documentId: string): void {
    if (this.#documents.has(documentId)) this.#outbox.publishAll(documentId);
  }

  /** A shard has a new worker, which follows nothing yet. */
  restart(shard: number): void {
    this.#outbox.restart(shard);
  }

  /** A session of this node begins to use a document. */
  enter(document: DocumentAwareness): void {
    this.#outbox.follow(document);
  }

  /** No session of this node uses it any more. */
  leave(document: DocumentAwareness): void {
    this.#outbox.unfollow(document);
    this.remotes.forget(document);
  }

  /** The state of a client of this node has changed, or was removed. */
  change(document: DocumentAwareness, clientId: string): void {
    this.#outbox.change(document.documentId, clientId);
  }

  /**
   * Whether another node publishes this client id for another user.
   *
   * @param since When the asking user had it first, in ms since the epoch, if he had.
   */
  isOwnedByOther(
    document: DocumentAwareness,
    clientId: string,
    session: Session,
    userId: string,
    since = Infinity,
  ): boolean {
    const owner = document.ownerOf(clientId);
    return this.#isRemote(owner) && owner.user !== this.#nameOf(session, userId) && owner.claimed <= since;
  }

  /** Whether the owner that counts for a client is on another node. */
  isOwnedRemotely(document: DocumentAwareness, clientId: string): boolean {
    return this.#isRemote(document.ownerOf(clientId));
  }

  /**
   * The claim with which a session takes a client over: its generation is above all others.
   *
   * @param since When the user had the client first, in ms since the epoch, if that was before.
   */
  claim(document: DocumentAwareness, clientId: string, session: Session, userId: string, since = Infinity): Claim {
    const now = Date.now();
    const user = this.#nameOf(session, userId);
    let claimed = Math.min(now, since);
    let generation = now;
    for (const owner of document.ownersOf(clientId)) {
      generation = Math.max(generation, owner.generation + 1);
      if (owner.user === user) claimed = Math.min(claimed, owner.claimed);
    }
    return { run: this.#run, user, claimed, generation };
  }

  /** Does the periodic work: removes expired states, publishes what has to be renewed. */
  tick(now: number): void {
    this.remotes.expire(now);
    this.#outbox.renew(now);
  }

  /** Resolves when the shards have been given all changes. */
  async flushed(): Promise<void> {
    while (!this.#outbox.isIdle) await sleep(FLUSHED_POLL_MS);
  }

  stop(): void {
    this.#outbox.stop();
    this.remotes.stop();
  }

  #isRemote(owner: Owner | undefined): owner is Owner {
    return owner !== undefined && owner.run !== this.#run;
  }

  /** Hashed, because a user id may be an e-mail address, and of any length. */
  #nameOf(session: Session, userId: string): string {
    const known = this.#names.get(session);
    if (known?.userId === userId) return known.name;
    const name = createHash('sha256').update(userId).digest('base64url').slice(0, 22);
    this.#names.set(session, { userId, name });
    return name;
  }
}
