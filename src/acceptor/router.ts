import { LimitError, ProtocolError } from '../errors.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { ChunkAssembler, type ChunkLimits, type ChunkMemory } from '../protocol/chunks.js';
import { isDocumentId } from '../protocol/document-id.js';
import type { ErrorDetails } from '../protocol/encode.js';
import { readHead, scanNames, scanString, type FrameHead } from '../protocol/frame.js';
import { ObjectScan } from '../protocol/json/json-scan.js';
import { parseMessage } from '../protocol/message.js';
import type { KeepsHistory } from '../messages/history.js';
import { recordKinds, type WriteRecord } from '../messages/task.js';
import type { Access } from '../auth/permissions.js';
import { authorOf } from './session/author.js';
import type { Authentication } from './session/authentication.js';
import type { Charges } from './session/limits/charges.js';
import type { Coalescer } from './coalescer.js';
import type { Control } from './control.js';
import type { Awareness } from './awareness/awareness.js';
import { CheckedWrites, requireAllowed, type Verdict, type WriteCheck } from './session/checked-writes.js';
import { HeldFrames, type HeldBytes } from './session/held-frames.js';
import type { Refusals } from './session/refusals.js';
import type { Session } from './session/session.js';
import { watchChunks } from './session/watch-chunks.js';
import type { Topics } from './fan-out/topics.js';

export interface RouterOptions {
  readonly authentication: Authentication;
  readonly coalescer: Coalescer;
  readonly control: Control;
  readonly topics: Topics;
  readonly awareness: Awareness;
  readonly metrics: AcceptorMetrics;
  readonly charges: Charges;
  readonly refusals: Refusals;
  /** Who is asked about writes before they are merged, if anybody is. */
  readonly writeCheck: WriteCheck | undefined;
  /** Undefined when no history is kept. */
  readonly keepsHistory?: KeepsHistory;
  readonly chunkLimits: ChunkLimits;
  readonly chunkMemory: ChunkMemory;
  readonly heldBytes: HeldBytes;
  /** Resolves when everything that the shards were given so far is settled. */
  readonly fence: () => Promise<void>;
}

/** Largest control message, in bytes: they are parsed on the acceptor, so they must be small. */
const MAX_CONTROL_BYTES = 1024 * 1024;

/** Routes the frames of clients. Of a write only the head and the document id are read; the shard parses the rest. */
export class Router {
  readonly #options: RouterOptions;
  /** One for all frames: routing allocates nothing. */
  readonly #scan = new ObjectScan();
  readonly #checks: CheckedWrites | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    const { writeCheck: check, heldBytes } = options;
    if (check !== undefined)
      this.#checks = new CheckedWrites({ check, heldBytes, handle: this.#handleChecked.bind(this) });
  }

  stop(): void {
    this.#options.control.stop();
  }

  /** @param bytes Valid during the call only. @param text Whether it came as a text frame. */
  handle(session: Session, bytes: Buffer, text: boolean): void {
    const { held } = session;
    if (held === undefined) this.#handle(session, bytes, text, false);
    else if (!held.add(bytes, text, this.#options.charges.heldBytesOf(session))) this.#refuseHeld(session, bytes, text);
  }

  /** Makes the messages of a session wait. @returns To be called once, when they are to be handled. */
  hold(session: Session): () => void {
    const held = (session.held ??= new HeldFrames(this.#options.heldBytes));
    held.isReleased = false;
    return () => {
      if (session.held === held) this.#release(session, held);
    };
  }

  /** A frame may make the next ones wait again. */
  #release(session: Session, held: HeldFrames): void {
    held.isReleased = true;
    for (;;) {
      // Handling a frame may set it; the compiler does not see that.
      if (!(held.isReleased as boolean)) return;
      const frame = held.next();
      if (frame === undefined) break;
      if (session.isOpen) this.#handle(session, frame.bytes, frame.text, frame.isCounted);
    }
    session.held = undefined;
  }

  #refuseHeld(session: Session, bytes: Buffer, text: boolean): void {
    const head = readHead(bytes, text, this.#scan);
    const details = head.kind === 'fault' ? {} : this.#detailsOf(bytes, head);
    const overLimit = this.#charge(session, bytes, head);
    const tooMany = new LimitError('held', 'too many messages wait for the check of credentials');
    this.#options.refusals.refuse(session, overLimit ?? tooMany, details);
  }

  /** @param isCounted Whether it was charged before it had to wait. */
  #handle(session: Session, bytes: Buffer, text: boolean, isCounted: boolean): void {
    const { metrics, charges } = this.#options;
    if (!isCounted && session.state.kind === 'connecting' && !charges.beforeAuth(session, bytes.length)) {
      metrics.errors('AUTH_REQUIRED').add(1);
      this.#options.refusals.disconnect(session, 'unauthenticated');
      return;
    }
    if (text && session.encoding === 'binary') this.#switchToJson(session);
    const head = readHead(bytes, text, this.#scan);
    const overLimit = isCounted ? undefined : this.#charge(session, bytes, head);
    if (head.kind === 'fault') {
      this.#options.refusals.refuse(session, overLimit ?? new ProtocolError(head.code), {});
      return;
    }
    try {
      if (overLimit !== undefined) throw overLimit;
      this.#route(session, bytes, text, head);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.refusals.refuse(session, error, this.#detailsOf(bytes, head));
    }
  }

  /** A message whose write the application was asked about, or that had to stay behind one. It was charged before. */
  #handleChecked(session: Session, bytes: Buffer, text: boolean, verdict: Verdict): void {
    const head = readHead(bytes, text, this.#scan);
    if (head.kind === 'fault') return;
    try {
      requireAllowed(verdict);
      this.#route(session, bytes, text, head, true);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.refusals.refuse(session, error, this.#detailsOf(bytes, head));
    }
  }

  /** Malformed frames too, or a client could send them without limit. @returns The limit that the frame is over. */
  #charge(session: Session, { length }: Buffer, head: ReturnType<typeof readHead>): LimitError | undefined {
    const { metrics, charges } = this.#options;
    const type = head.kind === 'fault' ? undefined : head.type;
    metrics.messagesReceived(type ?? 'invalid').add(1);
    metrics.bytesReceived(type ?? 'invalid').add(length);
    return charges.charge(session, type, length, performance.now());
  }

  /** @param isChecked Whether the application has been asked about the message, if it is one to ask about. */
  #route(session: Session, bytes: Buffer, text: boolean, head: FrameHead, isChecked = false): void {
    // Clients acknowledge every delta.
    if (head.type === 'ack' || head.type === 'pong' || head.type === 'connect') return;
    const { state } = session;
    if (state.kind === 'draining') throw new ProtocolError('SHUTTING_DOWN');
    if (head.type === 'auth') {
      this.#options.authentication.authenticate(session, this.#parse(bytes, head).fields);
      return;
    }
    if (head.type === 'ping') {
      this.#options.control.pong(session);
      return;
    }
    if (state.kind !== 'authenticated') throw new ProtocolError('AUTH_REQUIRED');
    if (state.access.prepare !== undefined && this.#waitForAccess(session, state.access, bytes, text, head)) return;
    switch (head.type) {
      case 'delta':
      case 'delta_batch':
        this.#write(session, bytes, text, head, isChecked);
        return;
      case 'delta_batch_chunk':
        this.#chunk(session, bytes, head);
        return;
      case 'subscribe':
      case 'unsubscribe':
      case 'sync_request':
      case 'sync_step1':
      case 'awareness_subscribe':
      case 'awareness_update': {
        if (!isChecked && this.#waitForChecks(session, bytes, text, head)) return;
        if (head.type === 'awareness_subscribe') this.#markBatchSupport(session);
        this.#options.control.handle(session, state, this.#parse(bytes, head));
        return;
      }
    }
  }

  /** Whether the frame waits for what the application says about its document. */
  #waitForAccess(session: Session, access: Access, bytes: Buffer, text: boolean, head: FrameHead): boolean {
    if (access.prepare === undefined || head.type === 'delta_batch_chunk') return false;
    const documentId = scanString(bytes, head, 'documentId', this.#scan);
    if (!isDocumentId(documentId)) return false;
    const pending = access.prepare(documentId);
    if (pending === undefined) {
      if (access.isKnown?.(documentId) === false) throw new ProtocolError('AUTH_UNAVAILABLE');
      return false;
    }
    const release = this.hold(session);
    if (session.held?.putBack(bytes, text) !== true) {
      release();
      throw new LimitError('held', 'too many messages wait for the check of access');
    }
    void pending.then(release);
    return true;
  }

  /** Whether the message waits for what the application says about writes before it: who reads after it, reads them. */
  #waitForChecks(session: Session, bytes: Buffer, text: boolean, head: FrameHead): boolean {
    if (session.checks === undefined) return false;
    const documentId = scanString(bytes, head, 'documentId', this.#scan) ?? '';
    if (this.#checks?.waits(session, documentId) !== true) return false;
    this.#checks.follow(session, documentId, bytes, text);
    return true;
  }

  #write(session: Session, bytes: Buffer, text: boolean, head: FrameHead, isChecked: boolean): void {
    const { state } = session;
    if (state.kind !== 'authenticated') throw new ProtocolError('AUTH_REQUIRED');
    const documentId = scanString(bytes, head, 'documentId', this.#scan);
    if (!isDocumentId(documentId)) throw new ProtocolError('INVALID_DOCUMENT_ID');
    if (!state.access.mayWrite(documentId)) throw new ProtocolError('PERMISSION_DENIED');
    const isBatch = head.type === 'delta_batch';
    if (!isChecked && this.#checks?.isFor(documentId) === true) {
      this.#checks.ask(session, documentId, bytes, text, head);
      return;
    }
    if (isBatch) this.#markBatchSupport(session);
    else session.readsFields = true;
    const receivedAt = performance.now();
    const { charges, coalescer, topics, keepsHistory } = this.#options;
    const overLimit = charges.fanOut(session, bytes.length, topics.subscribersOf(documentId), receivedAt);
    if (overLimit !== undefined) throw overLimit;
    const mayNotCreate = (session.userBudget?.documents.waitMs(receivedAt) ?? 0) > 0;
    const record: WriteRecord = {
      kind: isBatch ? recordKinds.deltaBatch : recordKinds.delta,
      origin: session.origin(),
      form: head.form,
      timestamp: head.timestamp,
      receivedAt,
      payload: Buffer.from(bytes.subarray(head.start, head.end)),
      ...(mayNotCreate ? { mayNotCreate } : {}),
      ...authorOf(session, documentId, keepsHistory),
    };
    if (!coalescer.add(documentId, record, false)) throw new LimitError('queue', 'the server is overloaded');
    // A writer at its limit of subscriptions may still write, but is not subscribed to the document.
    if (state.access.mayRead(documentId)) topics.subscribePartially(session, documentId);
  }

  #chunk(session: Session, bytes: Buffer, head: FrameHead): void {
    this.#markBatchSupport(session);
    session.chunks ??= new ChunkAssembler(this.#options.chunkLimits, this.#options.chunkMemory);
    const outcome = session.chunks.add(bytes, head, this.#scan, performance.now());
    switch (outcome.kind) {
      case 'waiting':
        watchChunks(session, session.chunks, this.#options.chunkLimits.timeout);
        return;
      case 'refused':
        if (outcome.code === 'RATE_LIMIT_EXCEEDED') throw new LimitError('chunks', 'chunks');
        throw new ProtocolError(outcome.code, 'chunks');
      case 'complete': {
        const inner = readHead(outcome.bytes, false, this.#scan);
        if (inner.kind === 'fault') throw new ProtocolError(inner.code);
        if (inner.type !== 'delta' && inner.type !== 'delta_batch') throw new ProtocolError('INVALID_MESSAGE');
        try {
          const { state } = session;
          if (state.kind === 'authenticated' && this.#waitForAccess(session, state.access, outcome.bytes, false, inner))
            return;
          this.#write(session, outcome.bytes, false, inner, false);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          this.#options.refusals.refuse(session, error, this.#detailsOf(outcome.bytes, inner));
        }
      }
    }
  }

  #parse(bytes: Buffer, head: FrameHead): ReturnType<typeof parseMessage> {
    if (head.end - head.start > MAX_CONTROL_BYTES) throw new ProtocolError('MESSAGE_TOO_LARGE');
    const message = parseMessage(bytes, head);
    // A JSON object with two `type` keys: the frame was routed by one and parsed by the other.
    if (message.type !== head.type) throw new ProtocolError('INVALID_MESSAGE');
    return message;
  }

  #switchToJson(session: Session): void {
    session.encoding = 'json';
    this.#options.topics.switchVariant(session, this.#options.fence);
    this.#options.awareness.switchEncoding(session);
  }

  #markBatchSupport(session: Session): void {
    if (session.supportsBatch) return;
    session.supportsBatch = true;
    this.#options.topics.switchVariant(session, this.#options.fence);
  }

  #detailsOf(bytes: Buffer, head: FrameHead): ErrorDetails {
    const { documentId, messageId } = scanNames(bytes, head, this.#scan);
    return { documentId: isDocumentId(documentId) ? documentId : undefined, messageId: messageId?.slice(0, 256) };
  }
}
