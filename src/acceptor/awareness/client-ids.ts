import type { Session } from '../session/session.js';
import { ClientOwners } from './client-owners.js';

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

/** Which session speaks for which client id of a document. Those of a session are in `session.awareness.clientIds`. */
export class ClientIds {
  /** By document and client id. */
  readonly #holders = new Map<string, Holder>();
  readonly #owners = new ClientOwners();
  readonly #maxPerSession: number;
  #size = 0;

  constructor(maxPerSession: number) {
    this.#maxPerSession = maxPerSession;
  }

  /** Client ids that sessions are bound to, each counted once for a session. */
  get size(): number {
    return this.#size;
  }

  /** Since when a user owns a client id of a document, in ms since the epoch; undefined when another user does. */
  ownedSince(userId: string, documentId: string, clientId: string): number | undefined {
    return this.#owners.claim(keyOf(documentId, clientId), userId);
  }

  /**
   * The first session that uses an id holds it until it closes; a later session of the same user takes it over, and so
   * does one of the user who had it first.
   */
  bind(session: Session, userId: string, documentId: string, clientId: string): AwarenessOutcome {
    const key = keyOf(documentId, clientId);
    const holder = this.#holders.get(key);
    if (holder?.session === session) return 'accepted';
    if (holder !== undefined && holder.userId !== userId && this.#owners.claim(key, userId) === undefined) {
      return 'notOwner';
    }
    const { clientIds } = session.ensureAwareness();
    if (!clientIds.has(clientId) && clientIds.size >= this.#maxPerSession) return 'overLimit';
    if (holder !== undefined) this.#free(holder.session, documentId, clientId);
    this.#owners.claim(key, userId);
    this.#holders.set(key, { session, userId });
    const documents = clientIds.get(clientId);
    if (documents !== undefined) {
      documents.add(documentId);
      return 'accepted';
    }
    clientIds.set(clientId, new Set([documentId]));
    this.#size++;
    return 'accepted';
  }

  /** Frees all ids of a session. */
  release(session: Session): void {
    this.#freeWhere(session, () => true);
  }

  /** Frees the ids that a session has bound as another user. */
  restrict(session: Session, userId: string): void {
    this.#freeWhere(session, (key) => this.#holders.get(key)?.userId !== userId);
  }

  #freeWhere(session: Session, isIt: (key: string) => boolean): void {
    for (const [clientId, documents] of session.awareness?.clientIds ?? []) {
      for (const documentId of documents) {
        if (isIt(keyOf(documentId, clientId))) this.#free(session, documentId, clientId);
      }
    }
  }

  #free({ awareness }: Session, documentId: string, clientId: string): void {
    this.#holders.delete(keyOf(documentId, clientId));
    const documents = awareness?.clientIds.get(clientId);
    if (documents?.delete(documentId) !== true || documents.size > 0) return;
    awareness?.clientIds.delete(clientId);
    this.#size--;
  }
}

/** Document ids have no spaces. */
function keyOf(documentId: string, clientId: string): string {
  return `${documentId} ${clientId}`;
}
