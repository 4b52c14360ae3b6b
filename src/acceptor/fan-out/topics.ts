import { isRoom, WORDWALL } from '../../protocol/rooms.js';
import { variants } from '../../messages/task.js';
import type { DocumentUsers } from './document-users.js';
import { topicOf, variantBits } from './topic-names.js';
import type { Session, SessionSocket, Subscription } from '../session/session.js';

const VARIANTS = variantBits.length;
/** The variants of fields, for partial subscribers and for the others. */
const PARTIAL =
  variants.partialBinaryDelta | variants.partialBinaryBatch | variants.partialJsonDelta | variants.partialJsonBatch;
const COMPLETE =
  variants.binaryDelta | variants.binaryBatch | variants.jsonDelta | variants.jsonBatch | variants.jsonEvents;

/** A document that has subscribers. */
interface Entry {
  readonly id: string;
  /** Subscriptions by variant, in the order of the bits. */
  readonly counts: number[];
  subscribers: number;
  /** When a change was last published, in ms since the epoch; 0 if never. */
  lastModified: number;
}

export interface DocumentSummary {
  readonly id: string;
  readonly subscribers: number;
  /** When a change was last published, in ms since the epoch; 0 if never. */
  readonly lastModified: number;
}

/**
 * The subscriptions of all sessions. uWS holds the subscribers of each topic; this class counts them by variant, so
 * that a shard builds only the frames that somebody receives.
 */
export class Topics {
  readonly #entries = new Map<string, Entry>();
  /** Those that `/rooms` lists. */
  readonly #rooms = new Set<string>();
  #subscriptions = 0;
  readonly #maxPerSession: number;
  readonly #onInterest: ((documentId: string) => void) | undefined;
  readonly #users: DocumentUsers | undefined;

  /** @param onInterest Called when `variantsOf` a document changes. */
  constructor(maxPerSession: number, onInterest?: (documentId: string) => void, users?: DocumentUsers) {
    this.#maxPerSession = maxPerSession;
    this.#onInterest = onInterest;
    this.#users = users;
  }

  /** Number of the last subscription. */
  get lastSubscription(): number {
    return this.#subscriptions;
  }

  /** Documents with subscribers. */
  get size(): number {
    return this.#entries.size;
  }

  /** Which variants of a document have subscribers, as bits. */
  variantsOf(documentId: string): number {
    const entry = this.#entries.get(documentId);
    if (entry === undefined) return 0;
    let wanted = 0;
    for (let bit = 0; bit < VARIANTS; bit++) if ((entry.counts[bit] ?? 0) > 0) wanted |= 1 << bit;
    return wanted;
  }

  /** Whether a session is the only subscriber of a document, and waits for no answer about it. */
  isOnlySubscriber(session: Session | undefined, documentId: string): boolean {
    const held = session?.subscriptions.get(documentId);
    return this.#entries.get(documentId)?.subscribers === 1 && held !== undefined && held.joined === held.wanted;
  }

  /** Sessions that are subscribed to a document. */
  subscribersOf(documentId: string): number {
    return this.#entries.get(documentId)?.subscribers ?? 0;
  }

  /** Subscribers of one variant of a document. */
  countOf(documentId: string, variant: number): number {
    return this.#entries.get(documentId)?.counts[Math.log2(variant)] ?? 0;
  }

  /**
   * Subscribes a session that asks for a document. The shard is told at once what it wants, but it receives nothing new
   * before `answered`: an update before the answer would seem to follow what the client has.
   *
   * @returns False when it is at its limit.
   */
  subscribe(session: Session, documentId: string): boolean {
    const wanted = wantedBy(session, false);
    const held = session.subscriptions.get(documentId);
    if (held === undefined) return this.#add(session, documentId, wanted) !== undefined;
    this.#want(documentId, held, wanted);
    return true;
  }

  /**
   * Subscribes a session that has written a document and may not have asked for it: it receives updates that do not
   * claim that nothing was before them. At its limit it is not subscribed.
   */
  subscribePartially(session: Session, documentId: string): void {
    if (session.subscriptions.has(documentId)) return;
    const held = this.#add(session, documentId, wantedBy(session, true));
    if (held !== undefined) this.#join(session.socket, documentId, held, held.wanted);
  }

  /** The session gets an answer that holds everything up to now: from now on it receives all updates. */
  answered(session: Session, documentId: string): void {
    const held = session.subscriptions.get(documentId);
    if (held === undefined || (held.wanted & COMPLETE) === 0) return;
    this.#join(session.socket, documentId, held, held.wanted & ~PARTIAL);
    this.#drop(session.socket, documentId, held, held.wanted & PARTIAL);
  }

  /** The session asks for the document in vain; it stays subscribed as it was before. */
  refused(session: Session, documentId: string): void {
    const held = session.subscriptions.get(documentId);
    if (held === undefined) return;
    if (held.joined === 0) this.unsubscribe(session, documentId);
    else this.#drop(session.socket, documentId, held, held.wanted & ~held.joined);
  }

  /** Whether a session receives updates of a document. */
  isJoined(session: Session, documentId: string): boolean {
    return (session.subscriptions.get(documentId)?.joined ?? 0) !== 0;
  }

  unsubscribe(session: Session, documentId: string): void {
    const held = session.subscriptions.get(documentId);
    if (held === undefined) return;
    session.subscriptions.delete(documentId);
    this.#drop(session.socket, documentId, held, held.wanted);
    this.#forget(documentId, held);
  }

  /** Ends the subscriptions to documents that a session may no longer read. */
  restrict(session: Session, mayRead: (documentId: string) => boolean): void {
    for (const documentId of session.subscriptions.keys()) {
      if (!mayRead(documentId)) this.unsubscribe(session, documentId);
    }
  }

  /** Removes the subscriptions of a closed session; uWS has already removed its socket from the topics. */
  leaveAll(session: Session): void {
    for (const [documentId, held] of session.subscriptions) {
      this.#drop(undefined, documentId, held, held.wanted);
      this.#forget(documentId, held);
    }
    session.subscriptions.clear();
  }

  /**
   * The session wants other variants from now on. Tasks in progress know only the former ones, so the session stays in
   * both until `fence` resolves. Updates that it receives twice meanwhile are identical, which does no harm.
   */
  switchVariant(session: Session, fence: () => Promise<void>): void {
    let moved = false;
    for (const [documentId, held] of session.subscriptions) {
      const wanted = wantedAs(session, held);
      const joined = wantedAs(session, { wanted: held.joined });
      moved = this.#want(documentId, held, wanted) || moved;
      if (held.joined !== 0) this.#join(session.socket, documentId, held, joined);
    }
    const { encoding, supportsBatch } = session;
    if (moved) {
      void fence().then(() => {
        // If it has switched again meanwhile, the later fence does it.
        const isLast = session.encoding === encoding && session.supportsBatch === supportsBatch;
        if (session.isOpen && isLast) this.#dropFormer(session);
      });
    }
  }

  /** A change of the document was published. @param now Milliseconds since the epoch. */
  touch(documentId: string, now: number): void {
    const entry = this.#entries.get(documentId);
    if (entry !== undefined) entry.lastModified = now;
  }

  /** The documents with subscribers, live: those that are added while iterating come last. */
  documents(): Iterable<string> {
    return this.#entries.keys();
  }

  /** At most `limit` of the documents with subscribers; those that `/rooms` lists come first. */
  summary(limit: number): DocumentSummary[] {
    const ids = [...this.#rooms].slice(0, limit);
    for (const id of this.#entries.keys()) {
      if (ids.length >= limit) break;
      if (!this.#rooms.has(id)) ids.push(id);
    }
    return ids.map((id) => {
      const { subscribers, lastModified } = this.#entry(id);
      return { id, subscribers, lastModified };
    });
  }

  #dropFormer(session: Session): void {
    for (const [documentId, held] of session.subscriptions) {
      this.#drop(session.socket, documentId, held, held.wanted & ~wantedAs(session, held));
    }
  }

  /** Adds a subscription that receives nothing yet; undefined when the session is at its limit. */
  #add(session: Session, documentId: string, wanted: number): Subscription | undefined {
    if (session.subscriptions.size >= this.#maxPerSession) return undefined;
    const held: Subscription = { wanted: 0, joined: 0, number: ++this.#subscriptions };
    if (this.#users !== undefined) held.user = this.#users.joined(documentId, session.userId);
    const entry = this.#entry(documentId);
    // One text for all sessions.
    session.subscriptions.set(entry.id, held);
    entry.subscribers++;
    this.#want(documentId, held, wanted);
    return held;
  }

  #entry(documentId: string): Entry {
    let entry = this.#entries.get(documentId);
    if (entry === undefined) {
      entry = { id: documentId, counts: new Array<number>(VARIANTS).fill(0), subscribers: 0, lastModified: 0 };
      this.#entries.set(documentId, entry);
      if (isRoom(documentId) || documentId === WORDWALL) this.#rooms.add(documentId);
    }
    return entry;
  }

  /** Counts variants, given as bits, that the subscription does not want yet. @returns Whether there were any. */
  #want(documentId: string, held: Subscription, wanted: number): boolean {
    const missing = wanted & ~held.wanted;
    if (missing === 0) return false;
    held.wanted |= missing;
    if (this.#count(documentId, missing, 1)) this.#onInterest?.(documentId);
    return true;
  }

  #join(socket: SessionSocket, documentId: string, held: Subscription, wanted: number): void {
    for (const variant of bitsOf(wanted & ~held.joined)) socket.subscribe(topicOf(documentId, variant));
    held.joined |= wanted;
  }

  #drop(socket: SessionSocket | undefined, documentId: string, held: Subscription, variants: number): void {
    const dropped = held.wanted & variants;
    if (dropped === 0) return;
    for (const variant of bitsOf(held.joined & dropped)) socket?.unsubscribe(topicOf(documentId, variant));
    held.wanted &= ~dropped;
    held.joined &= ~dropped;
    if (this.#count(documentId, dropped, -1)) this.#onInterest?.(documentId);
  }

  /** @returns Whether a variant got its first subscriber or lost its last. */
  #count(documentId: string, wanted: number, change: 1 | -1): boolean {
    const { counts } = this.#entry(documentId);
    let isChange = false;
    for (let bit = 0; bit < VARIANTS; bit++) {
      if ((wanted & (1 << bit)) === 0) continue;
      const count = (counts[bit] ?? 0) + change;
      counts[bit] = count;
      if (count === 0 || (count === 1 && change === 1)) isChange = true;
    }
    return isChange;
  }

  /** Removes one subscriber. */
  #forget(documentId: string, { user }: Subscription): void {
    this.#users?.left(documentId, user);
    const entry = this.#entries.get(documentId);
    if (entry === undefined || --entry.subscribers > 0) return;
    this.#entries.delete(documentId);
    this.#rooms.delete(documentId);
  }
}

/** The two variants that a session wants of a document, as bits. */
function wantedBy({ encoding, supportsBatch, isEventStream }: Session, isPartial: boolean): number {
  if (isEventStream) return variants.jsonAny | variants.jsonEvents;
  if (encoding === 'json') {
    if (isPartial) return variants.jsonAny | (supportsBatch ? variants.partialJsonBatch : variants.partialJsonDelta);
    return variants.jsonAny | (supportsBatch ? variants.jsonBatch : variants.jsonDelta);
  }
  if (isPartial)
    return variants.binaryAny | (supportsBatch ? variants.partialBinaryBatch : variants.partialBinaryDelta);
  return variants.binaryAny | (supportsBatch ? variants.binaryBatch : variants.binaryDelta);
}

/** What a session wants now of the kinds that it wanted before: partial ones, complete ones, or both while it asks. */
function wantedAs(session: Session, { wanted }: Pick<Subscription, 'wanted'>): number {
  const complete = (wanted & COMPLETE) === 0 ? 0 : wantedBy(session, false);
  return complete | ((wanted & PARTIAL) === 0 ? 0 : wantedBy(session, true));
}

function bitsOf(wanted: number): number[] {
  const found: number[] = [];
  for (let bit = 1; bit <= wanted; bit <<= 1) if ((wanted & bit) !== 0) found.push(bit);
  return found;
}
