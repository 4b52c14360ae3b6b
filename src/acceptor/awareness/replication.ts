import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAcceptedAwareness } from '../../cluster/awareness-message.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { AwarenessOutbox, type AwarenessShards } from './outbox.js';
import { RemoteStates } from './remote-states.js';
import type { Owner, DocumentAwareness, Shown } from './document-awareness.js';
import type { Session } from '../session/session.js';

export interface AwarenessReplicationOptions {
  /** Names this run of the process among all nodes. */
  readonly run: string;
  readonly shards: AwarenessShards;
  /** Bytes of memory for what other nodes show. */
  readonly maxRemoteBytes: number;
  /** At most so often are the shards given something, in ms. Default 50. */
  readonly flushMs?: number | undefined;
}

/** What awareness on one node lends to its part in the cluster. */
export interface AwarenessHost {
  readonly documents: ReadonlyMap<string, DocumentAwareness>;
  readonly timeoutMs: number;
  readonly metrics: Pick<AcceptorMetrics, 'awarenessDropped'>;
  /** What other nodes show of a client has changed; @param before What was seen of it. */
  readonly onChange: (document: DocumentAwareness, clientId: string, before: Shown | undefined) => void;
}

/** Who shows a client, besides what: see `Owner`. */
export type Claim = Pick<Owner, 'run' | 'user' | 'claimed' | 'turn'>;

/** What is said again this often within the time in which it leaves. */
const RENEWALS = 3;
const FLUSH_MS = 50;
const GOODBYE_POLL_MS = 5;

/**
 * Awareness across nodes: says what is shown here, and knows what is shown elsewhere, of the documents in which somebody
 * here shows or follows something. The bus belongs to the shards; nothing of it is waited for.
 */
export class AwarenessReplication {
  readonly remotes: RemoteStates;
  readonly #outbox: AwarenessOutbox;
  readonly #run: string;
  readonly #documents: ReadonlyMap<string, DocumentAwareness>;
  /** What the users of sessions are called among nodes. */
  readonly #names = new WeakMap<Session, { readonly userId: string; readonly name: string }>();

  constructor({ run, shards, maxRemoteBytes, flushMs = FLUSH_MS }: AwarenessReplicationOptions, host: AwarenessHost) {
    const { documents, timeoutMs, metrics, onChange } = host;
    this.#run = run;
    this.#documents = documents;
    this.#outbox = new AwarenessOutbox({ run, shards, documents, renewMs: timeoutMs / RENEWALS, flushMs });
    this.remotes = new RemoteStates({ timeoutMs, maxBytes: maxRemoteBytes, metrics, onChange });
  }

  /** A message of another process in the format of the bus, which has checked it in the shard's thread. */
  receive(documentId: string, bytes: Uint8Array, now: number): void {
    const document = this.#documents.get(documentId);
    if (document === undefined) return;
    const message = readAcceptedAwareness(bytes);
    if (message.kind !== 'ask') this.remotes.take(document, message, now);
    else if (document.locals.size > 0) this.#outbox.tellAll(documentId);
  }

  /** The others hear of a document from now on, or again. */
  active(documentId: string): void {
    if (this.#documents.has(documentId)) this.#outbox.tellAll(documentId);
  }

  /** A shard has a new worker. */
  restart(shard: number): void {
    this.#outbox.restart(shard);
  }

  enter(document: DocumentAwareness): void {
    this.#outbox.follow(document.documentId);
  }

  leave(document: DocumentAwareness): void {
    this.#outbox.unfollow(document.documentId);
    this.remotes.forget(document);
  }

  /** Something of a client here is another. */
  change(document: DocumentAwareness, clientId: string): void {
    this.#outbox.change(document.documentId, clientId);
  }

  /** Whether a client id belongs to another user, by what another node shows. */
  isOwnedByOther(document: DocumentAwareness, clientId: string, session: Session, userId: string): boolean {
    const owner = document.ownerOf(clientId);
    return this.#isRemote(owner) && owner.user !== this.#nameOf(session, userId);
  }

  /** Whether another node speaks for a client that is one of ours too. */
  isAway(document: DocumentAwareness, clientId: string): boolean {
    return this.#isRemote(document.ownerOf(clientId));
  }

  /** With what a session takes a client over: from now on it is the one that speaks for it. */
  claim(document: DocumentAwareness, clientId: string, session: Session, userId: string): Claim {
    const now = Date.now();
    const user = this.#nameOf(session, userId);
    let claimed = now;
    let turn = now;
    for (const owner of document.ownersOf(clientId)) {
      turn = Math.max(turn, owner.turn + 1);
      if (owner.user === user) claimed = Math.min(claimed, owner.claimed);
    }
    return { run: this.#run, user, claimed, turn };
  }

  /** Does what is due. */
  tick(now: number): void {
    this.remotes.expire(now);
    this.#outbox.renew(now);
  }

  /** Resolves when everything that has changed is given to the shards. */
  async told(): Promise<void> {
    while (!this.#outbox.isIdle) await sleep(GOODBYE_POLL_MS);
  }

  stop(): void {
    this.#outbox.stop();
    this.remotes.stop();
  }

  #isRemote(owner: Owner | undefined): owner is Owner {
    return owner !== undefined && owner.run !== this.#run;
  }

  /** A user id may be an address or of any length. */
  #nameOf(session: Session, userId: string): string {
    const known = this.#names.get(session);
    if (known?.userId === userId) return known.name;
    const name = createHash('sha256').update(userId).digest('base64url').slice(0, 22);
    this.#names.set(session, { userId, name });
    return name;
  }
}
