import type { WebSocket } from 'uWebSockets.js';
import { variants } from '../shards/task.js';
import type { Session, SocketData } from './session.js';

type Variant = (typeof variants)[keyof typeof variants];

const prefixes: Readonly<Record<Variant, string>> = {
  [variants.binaryDelta]: 'b:',
  [variants.binaryBatch]: 'B:',
  [variants.jsonDelta]: 'j:',
  [variants.jsonBatch]: 'J:',
};

/** The native topic of a document for one variant. */
export function topicOf(documentId: string, variant: number): string {
  return ((prefixes[variant as Variant] as string | undefined) ?? '') + documentId;
}

/** A document that has subscribers. */
interface Entry {
  /** Subscriptions by variant, in the order of the bits. */
  readonly counts: [number, number, number, number];
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
  /** Sessions that are in two variants of a document, because they are on their way from one to the other. */
  readonly #moving = new Map<string, Set<Session>>();
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
    for (let bit = 0; bit < 4; bit++) if ((entry.counts[bit] ?? 0) > 0) wanted |= 1 << bit;
    return wanted;
  }

  /** Subscribers of one variant of a document. */
  countOf(documentId: string, variant: number): number {
    return this.#entries.get(documentId)?.counts[Math.log2(variant)] ?? 0;
  }

  /** Subscribes a session in the variant that it understands; false when it has as many as it may. */
  subscribe(session: Session, documentId: string): boolean {
    if (session.subscriptions.has(documentId)) return true;
    if (session.subscriptions.size >= this.#maxPerSession) return false;
    const variant = variantOf(session);
    session.subscriptions.set(documentId, variant);
    this.#join(session.socket, documentId, variant, true);
    return true;
  }

  unsubscribe(session: Session, documentId: string): void {
    const held = session.subscriptions.get(documentId);
    if (held === undefined) return;
    session.subscriptions.delete(documentId);
    this.#arrive(session, documentId);
    for (let bit = 0; bit < 4; bit++) {
      if ((held & (1 << bit)) !== 0) this.#leave(session.socket, documentId, 1 << bit);
    }
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
      this.#arrive(session, documentId);
      for (let bit = 0; bit < 4; bit++) {
        if ((held & (1 << bit)) !== 0) this.#leave(undefined, documentId, 1 << bit);
      }
      this.#forget(documentId);
    }
    session.subscriptions.clear();
  }

  /**
   * The session wants another variant from now on. Tasks that are under way know only the former, so it stays in both
   * until `fence` resolves; updates that come twice are the same twice.
   */
  switchVariant(session: Session, fence: () => Promise<void>): void {
    const wanted = variantOf(session);
    let moved = false;
    for (const [documentId, held] of session.subscriptions) {
      if ((held & wanted) !== 0) continue;
      session.subscriptions.set(documentId, held | wanted);
      this.#join(session.socket, documentId, wanted, false);
      const moving = this.#moving.get(documentId);
      if (moving === undefined) this.#moving.set(documentId, new Set([session]));
      else moving.add(session);
      moved = true;
    }
    if (moved) {
      void fence().then(() => {
        // Switched again meanwhile: the later fence does it.
        if (session.isOpen && variantOf(session) === wanted) this.#dropFormer(session, wanted);
      });
    }
  }

  /**
   * Runs a publish of one frame to several variants, so that a session that is on its way from one to another gets it
   * once: an operation that is only sent on would count twice.
   *
   * @param wanted The variants, as bits.
   */
  once(documentId: string, wanted: number, publish: () => void): void {
    const left: (() => void)[] = [];
    for (const session of this.#moving.get(documentId) ?? []) {
      const doubles = (session.subscriptions.get(documentId) ?? 0) & wanted & ~variantOf(session);
      const hasOwn = (wanted & variantOf(session)) !== 0;
      for (let bit = 0; bit < 4 && hasOwn; bit++) {
        if ((doubles & (1 << bit)) === 0) continue;
        const topic = topicOf(documentId, 1 << bit);
        session.socket.unsubscribe(topic);
        left.push(() => session.socket.subscribe(topic));
      }
    }
    publish();
    for (const rejoin of left) rejoin();
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

  #dropFormer(session: Session, wanted: Variant): void {
    for (const [documentId, held] of session.subscriptions) {
      if (held === wanted || (held & wanted) === 0) continue;
      session.subscriptions.set(documentId, wanted);
      this.#arrive(session, documentId);
      for (let bit = 0; bit < 4; bit++) {
        const variant = 1 << bit;
        if (variant !== wanted && (held & variant) !== 0) this.#leave(session.socket, documentId, variant);
      }
    }
  }

  #join(socket: WebSocket<SocketData>, documentId: string, variant: number, fresh: boolean): void {
    let entry = this.#entries.get(documentId);
    if (entry === undefined) {
      entry = { counts: [0, 0, 0, 0], subscribers: 0, lastModified: 0 };
      this.#entries.set(documentId, entry);
    }
    const isFirst = entry.counts[Math.log2(variant) as 0 | 1 | 2 | 3]++ === 0;
    if (fresh) entry.subscribers++;
    socket.subscribe(topicOf(documentId, variant));
    if (isFirst) this.#onInterest?.(documentId);
  }

  #leave(socket: WebSocket<SocketData> | undefined, documentId: string, variant: number): void {
    const entry = this.#entries.get(documentId);
    const isLast = entry !== undefined && --entry.counts[Math.log2(variant) as 0 | 1 | 2 | 3] === 0;
    socket?.unsubscribe(topicOf(documentId, variant));
    if (isLast) this.#onInterest?.(documentId);
  }

  /** The session is in one variant of the document, or in none. */
  #arrive(session: Session, documentId: string): void {
    const moving = this.#moving.get(documentId);
    if (moving?.delete(session) === true && moving.size === 0) this.#moving.delete(documentId);
  }

  /** One subscriber less. */
  #forget(documentId: string): void {
    const entry = this.#entries.get(documentId);
    if (entry !== undefined && --entry.subscribers === 0) this.#entries.delete(documentId);
  }
}

function variantOf(session: Session): Variant {
  if (session.encoding === 'json') return session.modern ? variants.jsonBatch : variants.jsonDelta;
  return session.modern ? variants.binaryBatch : variants.binaryDelta;
}
