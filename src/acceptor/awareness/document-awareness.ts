/** The awareness of one document: the states that each process publishes, and the one that counts for each client. */
import type { Encoding } from '../../protocol/encode.js';
import type { Session } from '../session/session.js';

/**
 * What one process publishes about one client. Which of several owners counts (`best`) depends on these values alone,
 * so that all nodes show the same.
 */
export interface Owner {
  /** Names the process, unique for each start. */
  readonly run: string;
  /** Hash of the user id. */
  readonly user: string;
  /** Since when the user has the client id, in ms since the epoch. */
  readonly claimed: number;
  /** Grows each time a session takes the client over; starts as ms since the epoch. */
  readonly generation: number;
  /** Of the client. */
  readonly clock: number;
  /** JSON text of an object. */
  readonly state: string;
}

/** The state of a client of this node. */
export interface LocalState extends Owner {
  readonly documentId: string;
  readonly clientId: string;
  readonly session: Session;
  generation: number;
  clock: number;
  state: string;
  /** Last renewal, in ms of the monotonic clock. */
  seen: number;
}

/** What subscribers see of a client. */
export type Shown = Pick<Owner, 'state' | 'clock'>;

export class DocumentAwareness {
  readonly locals = new Map<string, LocalState>();
  readonly subscribers: Record<Encoding, number> = { binary: 0, json: 0 };
  /** Whether a shard was told to follow it, and not told otherwise since. */
  isFollowed = false;
  /** The frames with all states, for those who subscribe; dropped with each change. */
  stateFrames: Partial<Record<Encoding, Uint8Array<ArrayBuffer>>> = {};
  /** What other processes publish, by client id; undefined until there is any. */
  #remotes: Map<string, Owner[]> | undefined;

  constructor(readonly documentId: string) {}

  /** Whether no session of this node needs it. */
  get isEmpty(): boolean {
    return this.locals.size === 0 && this.subscribers.binary === 0 && this.subscribers.json === 0;
  }

  /** The owner that counts for a client. */
  ownerOf(clientId: string): Owner | undefined {
    const local = this.locals.get(clientId);
    const remotes = this.#remotes?.get(clientId);
    if (remotes === undefined) return local;
    return best(local === undefined ? remotes : [local, ...remotes]);
  }

  /** What subscribers see of a client now: a copy, which later changes leave as it is. */
  shownOf(clientId: string): Shown | undefined {
    const owner = this.ownerOf(clientId);
    return owner && { state: owner.state, clock: owner.clock };
  }

  /** All owners of a client. */
  ownersOf(clientId: string): readonly Owner[] {
    const local = this.locals.get(clientId);
    const remotes = this.#remotes?.get(clientId) ?? [];
    return local === undefined ? remotes : [local, ...remotes];
  }

  /** All clients, each with the owner that counts. */
  *owners(): Iterable<[clientId: string, owner: Owner]> {
    for (const clientId of this.locals.keys()) {
      const owner = this.ownerOf(clientId);
      if (owner !== undefined) yield [clientId, owner];
    }
    for (const [clientId, remotes] of this.#remotes ?? []) {
      const owner = this.locals.has(clientId) ? undefined : best(remotes);
      if (owner !== undefined) yield [clientId, owner];
    }
  }

  /** @param former The entry to replace: what the same process published before. */
  putRemote(clientId: string, owner: Owner, former: Owner | undefined): void {
    this.#remotes ??= new Map();
    const remotes = this.#remotes.get(clientId);
    if (remotes === undefined) this.#remotes.set(clientId, [owner]);
    else if (former === undefined) remotes.push(owner);
    else remotes[remotes.indexOf(former)] = owner;
  }

  dropRemote(clientId: string, owner: Owner): void {
    const left = this.#remotes?.get(clientId)?.filter((other) => other !== owner) ?? [];
    if (left.length > 0) this.#remotes?.set(clientId, left);
    else this.#remotes?.delete(clientId);
  }
}

/**
 * Of several owners of a client, the one that counts. The client id belongs to the user who claimed it first; of that
 * user's owners, the one with the largest generation wins. Clock and run only break ties, so that the result is the
 * same on every node.
 */
export function best(owners: readonly Owner[]): Owner | undefined {
  let first: Owner | undefined;
  for (const owner of owners) if (first === undefined || isBefore(owner, first)) first = owner;
  let shown = first;
  for (const owner of owners) {
    if (shown === undefined || (owner.user === first?.user && isAbove(owner, shown))) shown = owner;
  }
  return shown;
}

function isBefore(a: Owner, b: Owner): boolean {
  return a.claimed === b.claimed ? a.run < b.run : a.claimed < b.claimed;
}

function isAbove(a: Owner, b: Owner): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  return a.clock === b.clock ? a.run > b.run : a.clock > b.clock;
}
