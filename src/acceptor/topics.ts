import type { WebSocket } from 'uWebSockets.js';
import { variants } from '../messages/task.js';
import type { Session, SocketData } from './session/session.js';

/** The prefix of each variant's topics. */
const prefixes = new Map<number, string>([
  [variants.binaryDelta, 'b:'],
  [variants.binaryBatch, 'B:'],
  [variants.jsonDelta, 'j:'],
  [variants.jsonBatch, 'J:'],
  [variants.binaryAny, 'x:'],
  [variants.jsonAny, 'X:'],
]);
const VARIANTS = prefixes.size;

/** The native topic of a document for one variant. */
export function topicOf(documentId: string, variant: number): string {
  return (prefixes.get(variant) ?? '') + documentId;
}

/** A document that has subscribers. */
interface Entry {
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
  readonly #maxPerSession: number;
  readonly #onInterest: ((documentId: string) => void) | undefined;

  /** @param onInterest Called when `variantsOf` a document changes. */
  constructor(maxPerSession: number, onInterest?: (documentId: string) => void) {
    this.#maxPerSession = maxPerSession;
    this.#onInterest = onInterest;
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

  /** Whether a session is the only subscriber of a document. */
  isOnlySubscriber(session: Session | undefined, documentId: string): boolean {
    return this.#entries.get(documentId)?.subscribers === 1 && session?.subscriptions.has(documentId) === true;
  }

  /** Subscribers of one variant of a document. */
  countOf(documentId: string, variant: number): number {
    return this.#entries.get(documentId)?.counts[Math.log2(variant)] ?? 0;
  }

  /** Subscribes a session in the variants that it understands. @returns False when it is at its limit. */
  subscribe(session: Session, documentId: string): boolean {
    if (session.subscriptions.has(documentId)) return true;
    if (session.subscriptions.size >= this.#maxPerSession) return false;
    const wanted = wantedBy(session);
    session.subscriptions.set(documentId, wanted);
    this.#entry(documentId).subscribers++;
    this.#join(session.socket, documentId, wanted);
    return true;
  }

  unsubscribe(session: Session, documentId: string): void {
    const held = session.subscriptions.get(documentId);
    if (held === undefined) return;
    session.subscriptions.delete(documentId);
    this.#leave(session.socket, documentId, held);
    this.#forget(documentId);
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
      this.#leave(undefined, documentId, held);
      this.#forget(documentId);
    }
    session.subscriptions.clear();
  }

  /**
   * The session wants other variants from now on. Tasks in progress know only the former ones, so the session stays in
   * both until `fence` resolves. Updates that it receives twice meanwhile are identical, which does no harm.
   */
  switchVariant(session: Session, fence: () => Promise<void>): void {
    const wanted = wantedBy(session);
    let moved = false;
    for (const [documentId, held] of session.subscriptions) {
      const missing = wanted & ~held;
      if (missing === 0) continue;
      session.subscriptions.set(documentId, held | wanted);
      this.#join(session.socket, documentId, missing);
      moved = true;
    }
    if (moved) {
      void fence().then(() => {
        // If it has switched again meanwhile, the later fence does it.
        if (session.isOpen && wantedBy(session) === wanted) this.#dropFormer(session, wanted);
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

  /** At most `limit` of the documents with subscribers. */
  summary(limit: number): DocumentSummary[] {
    const documents: DocumentSummary[] = [];
    for (const [id, { subscribers, lastModified }] of this.#entries) {
      if (documents.length >= limit) break;
      documents.push({ id, subscribers, lastModified });
    }
    return documents;
  }

  #dropFormer(session: Session, wanted: number): void {
    for (const [documentId, held] of session.subscriptions) {
      const former = held & ~wanted;
      if (former === 0 || (held & wanted) === 0) continue;
      session.subscriptions.set(documentId, wanted);
      this.#leave(session.socket, documentId, former);
    }
  }

  #entry(documentId: string): Entry {
    let entry = this.#entries.get(documentId);
    if (entry === undefined) {
      entry = { counts: new Array<number>(VARIANTS).fill(0), subscribers: 0, lastModified: 0 };
      this.#entries.set(documentId, entry);
    }
    return entry;
  }

  /** @param wanted Variants, as bits. */
  #join(socket: WebSocket<SocketData>, documentId: string, wanted: number): void {
    if (this.#count(documentId, wanted, 1)) this.#onInterest?.(documentId);
    for (const variant of bitsOf(wanted)) socket.subscribe(topicOf(documentId, variant));
  }

  #leave(socket: WebSocket<SocketData> | undefined, documentId: string, held: number): void {
    if (this.#count(documentId, held, -1)) this.#onInterest?.(documentId);
    for (const variant of bitsOf(held)) socket?.unsubscribe(topicOf(documentId, variant));
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
  #forget(documentId: string): void {
    const entry = this.#entries.get(documentId);
    if (entry !== undefined && --entry.subscribers === 0) this.#entries.delete(documentId);
  }
}

/** The two variants that a session wants, as bits. */
function wantedBy({ encoding, supportsBatch }: Session): number {
  if (encoding === 'json') return variants.jsonAny | (supportsBatch ? variants.jsonBatch : variants.jsonDelta);
  return variants.binaryAny | (supportsBatch ? variants.binaryBatch : variants.binaryDelta);
}

function bitsOf(wanted: number): number[] {
  const found: number[] = [];
  for (let bit = 1; bit <= wanted; bit <<= 1) if ((wanted & bit) !== 0) found.push(bit);
  return found;
}
