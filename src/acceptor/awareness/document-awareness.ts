/** The awareness of one document: who shows what, and what of it is seen. */
import type { Encoding } from '../../protocol/encode.js';
import type { Session } from '../session/session.js';

/** What one process shows of one client: what is seen follows from these alone, so that all nodes show the same. */
export interface Owner {
  /** Of the process. */
  readonly run: string;
  readonly user: string;
  /** Since when the user has the client id, in ms since the epoch. */
  readonly claimed: number;
  /** Grows with each session that takes the client over. */
  readonly turn: number;
  readonly clock: number;
  /** JSON text. */
  readonly state: string;
}

/** A client of a session here. */
export interface LocalState extends Owner {
  readonly documentId: string;
  readonly clientId: string;
  readonly session: Session;
  turn: number;
  clock: number;
  state: string;
  /** Milliseconds of the monotonic clock. */
  seen: number;
}

/** What is seen of a client. */
export type Shown = Pick<Owner, 'state' | 'clock'>;

export class DocumentAwareness {
  readonly locals = new Map<string, LocalState>();
  readonly subscribers: Record<Encoding, number> = { binary: 0, json: 0 };
  /** What other processes show, by client; there is none without a cluster. */
  #remotes: Map<string, Owner[]> | undefined;

  constructor(readonly documentId: string) {}

  /** Whether nobody here needs it. */
  get isEmpty(): boolean {
    return this.locals.size === 0 && this.subscribers.binary === 0 && this.subscribers.json === 0;
  }

  /** What is seen of a client. */
  ownerOf(clientId: string): Owner | undefined {
    const local = this.locals.get(clientId);
    const remotes = this.#remotes?.get(clientId);
    if (remotes === undefined) return local;
    return best(local === undefined ? remotes : [local, ...remotes]);
  }

  /** What is seen of a client, as it will still be known when it has changed. */
  shownOf(clientId: string): Shown | undefined {
    const owner = this.ownerOf(clientId);
    return owner && { state: owner.state, clock: owner.clock };
  }

  /** All that show something of a client. */
  ownersOf(clientId: string): readonly Owner[] {
    const local = this.locals.get(clientId);
    const remotes = this.#remotes?.get(clientId) ?? [];
    return local === undefined ? remotes : [local, ...remotes];
  }

  /** All clients, and what is seen of them. */
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

  /** @param former What takes the owner's place, if the same process showed something before. */
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
 * Of several owners, the one that is seen. The client id belongs to the user who had it first; of that user's sessions,
 * the one that took it over last speaks for it. The rest only sees to it that there is always the same answer.
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
  if (a.turn !== b.turn) return a.turn > b.turn;
  return a.clock === b.clock ? a.run > b.run : a.clock > b.clock;
}
