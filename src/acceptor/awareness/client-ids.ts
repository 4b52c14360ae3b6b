import type { Session } from '../session/session.js';

/**
 * - `accepted`
 * - `notOwner`: the client id belongs to another user.
 * - `overLimit`: the session, or the node, holds as many as it may.
 */
export type AwarenessOutcome = 'accepted' | 'notOwner' | 'overLimit';

/** The session that a client id is bound to, and its user. */
interface Holder {
  readonly session: Session;
  readonly userId: string;
}

/** Which session speaks for which client id. A session's own ids are in `session.awareness.clientIds`. */
export class ClientIds {
  readonly #holders = new Map<string, Holder>();
  readonly #maxPerSession: number;

  constructor(maxPerSession: number) {
    this.#maxPerSession = maxPerSession;
  }

  /** Client ids that are bound. */
  get size(): number {
    return this.#holders.size;
  }

  /** The first session that uses an id holds it until it closes; a later session of the same user takes it over. */
  bind(session: Session, userId: string, clientId: string): AwarenessOutcome {
    const holder = this.#holders.get(clientId);
    if (holder?.session === session) return 'accepted';
    if (holder !== undefined && holder.userId !== userId) return 'notOwner';
    const { clientIds } = session.ensureAwareness();
    if (clientIds.size >= this.#maxPerSession) return 'overLimit';
    holder?.session.awareness?.clientIds.delete(clientId);
    clientIds.add(clientId);
    this.#holders.set(clientId, { session, userId });
    return 'accepted';
  }

  /** Frees all ids of a session. */
  release({ awareness }: Session): void {
    if (awareness === undefined) return;
    for (const clientId of awareness.clientIds) this.#holders.delete(clientId);
    awareness.clientIds.clear();
  }

  /** Frees the ids that a session has bound as another user. */
  restrict({ awareness }: Session, userId: string): void {
    for (const clientId of awareness?.clientIds ?? []) {
      if (this.#holders.get(clientId)?.userId === userId) continue;
      this.#holders.delete(clientId);
      awareness?.clientIds.delete(clientId);
    }
  }
}
