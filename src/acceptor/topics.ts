import type { WebSocket } from 'uWebSockets.js';
import { variants } from '../messages/task.js';
import type { Session, SocketData } from './session/session.js';

/** A topic per variant. */
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
  /** Milliseconds since the epoch of the last change that was published; 0 when there was none. */
  lastModified: number;
}

export interface DocumentSummary {
  readonly id: string;
  readonly subscribers: number;
  readonly lastModified: number;
}

/** Who is subscribed to what: uWS holds the subscribers, this the counts, so that a shard knows which frames to build. */
export class Topics {
  readonly #entries = new Map<string, Entry>();
  readonly #maxPerSession: number;
  readonly #onInterest: ((documentId: string) => void) | undefined;

  /** @param onInterest Told when `variantsOf` a document changes. */
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

  /** Whether a session is all the subscribers that a document has. */
  isOnlySubscriber(session: Session | undefined, documentId: string): boolean {
    return this.#entries.get(documentId)?.subscribers === 1 && session?.subscriptions.has(documentId) === true;
  }

  /** Subscribers of one variant of a document. */
  countOf(documentId: string, variant: number): number {
    return this.#entries.get(documentId)?.counts[Math.log2(variant)] ?? 0;
  }

  /** Subscribes a session in the variant that it understands; false when it has as many as it may. */
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

  /** A closed session holds nothing any more; its socket has left the topics by itself. */
  leaveAll(session: Session): void {
    for (const [documentId, held] of session.subscriptions) {
      this.#leave(undefined, documentId, held);
      this.#forget(documentId);
    }
    session.subscriptions.clear();
  }

  /**
   * The session wants another variant from now on. Tasks that are under way know only the former, so it stays in both
   * until `fence` resolves; updates that come twice are the same twice.
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
        // Switched again meanwhile: the later fence does it.
        if (session.isOpen && wantedBy(session) === wanted) this.#dropFormer(session, wanted);
      });
    }
  }

  /** Takes note that a change of the document was published. */
  touch(documentId: string, now: number): void {
    const entry = this.#entries.get(documentId);
    if (entry !== undefined) entry.lastModified = now;
  }

  /** The documents with subscribers, as long as none comes or goes. */
  documents(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Some documents with subscribers, at most `limit`. */
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

  /** @returns Whether a variant has subscribers now and had none, or the other way round. */
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

  /** One subscriber less. */
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
