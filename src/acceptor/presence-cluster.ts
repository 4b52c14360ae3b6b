import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodePresence } from '../cluster/presence-message.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { PresenceOutbox, type PresenceShards } from './presence-outbox.js';
import { PresenceRemotes } from './presence-remotes.js';
import type { Owner, Room, Shown } from './presence-room.js';
import type { Session } from './session.js';

export interface PresenceClusterOptions {
  /** Names this run of the process among all nodes. */
  readonly run: string;
  readonly shards: PresenceShards;
  /** Bytes of memory for what other nodes show. */
  readonly maxRemoteBytes: number;
  /** At most so often are the shards given something, in ms. Default 50. */
  readonly flushMs?: number | undefined;
}

/** What awareness on one node lends to its part in the cluster. */
export interface PresenceHost {
  readonly rooms: ReadonlyMap<string, Room>;
  readonly timeoutMs: number;
  readonly metrics: Pick<AcceptorMetrics, 'presenceDropped'>;
  /** What other nodes show of a client has changed; @param before What was seen of it. */
  readonly onChange: (room: Room, clientId: string, before: Shown | undefined) => void;
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
export class PresenceCluster {
  readonly remotes: PresenceRemotes;
  readonly #outbox: PresenceOutbox;
  readonly #run: string;
  readonly #rooms: ReadonlyMap<string, Room>;
  /** What the users of sessions are called among nodes. */
  readonly #names = new WeakMap<Session, { readonly userId: string; readonly name: string }>();

  constructor({ run, shards, maxRemoteBytes, flushMs = FLUSH_MS }: PresenceClusterOptions, host: PresenceHost) {
    const { rooms, timeoutMs, metrics, onChange } = host;
    this.#run = run;
    this.#rooms = rooms;
    this.#outbox = new PresenceOutbox({ run, shards, rooms, renewMs: timeoutMs / RENEWALS, flushMs });
    this.remotes = new PresenceRemotes({ timeoutMs, maxBytes: maxRemoteBytes, metrics, onChange });
  }

  /** A message of another process, as a shard has passed it on. */
  receive(documentId: string, bytes: Uint8Array, now: number): void {
    const room = this.#rooms.get(documentId);
    const message = decodePresence(bytes);
    if (room === undefined || message.kind === 'malformed' || message.kind === 'unreadable') return;
    if (message.run === this.#run) return;
    if (message.kind !== 'ask') this.remotes.take(room, message, now);
    else if (room.locals.size > 0) this.#outbox.tellAll(documentId);
  }

  /** The others hear of a document from now on, or again. */
  active(documentId: string): void {
    if (this.#rooms.has(documentId)) this.#outbox.tellAll(documentId);
  }

  /** A shard has a new worker. */
  restart(shard: number): void {
    this.#outbox.restart(shard);
  }

  enter(room: Room): void {
    this.#outbox.follow(room.documentId);
  }

  leave(room: Room): void {
    this.#outbox.unfollow(room.documentId);
    this.remotes.forget(room);
  }

  /** Something of a client here is another. */
  change(room: Room, clientId: string): void {
    this.#outbox.change(room.documentId, clientId);
  }

  /** Whether a client id belongs to another user, by what another node shows. */
  isTaken(room: Room, clientId: string, session: Session, userId: string): boolean {
    const owner = room.ownerOf(clientId);
    return this.#isRemote(owner) && owner.user !== this.#nameOf(session, userId);
  }

  /** Whether another node speaks for a client that is one of ours too. */
  isAway(room: Room, clientId: string): boolean {
    return this.#isRemote(room.ownerOf(clientId));
  }

  /** With what a session takes a client over: from now on it is the one that speaks for it. */
  claim(room: Room, clientId: string, session: Session, userId: string): Claim {
    const now = Date.now();
    const user = this.#nameOf(session, userId);
    let claimed = now;
    let turn = now;
    for (const owner of room.ownersOf(clientId)) {
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
