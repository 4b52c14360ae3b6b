import { anonymousIdentity } from '../../auth/identity.js';
import { LimitError, ProtocolError } from '../../errors.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import {
  splitHead,
  withHead,
  type DocumentRead,
  type DocumentReadHead,
  type DocumentWrite,
} from '../../messages/document-request.js';
import type {
  HistoryRead,
  HistoryResults,
  KeepsHistory,
  RollbackReceipt,
  RollbackRequest,
  RolledBack,
} from '../../messages/history.js';
import { recordKinds } from '../../messages/task.js';
import type { MessageType } from '../../protocol/codes.js';
import type { EndingRequest } from '../../messages/lifecycle-request.js';
import type { ListPage, ListRequest } from '../../storage/lifecycle/port.js';
import { gateOf } from '../control.js';
import type { Coalescer } from '../coalescer.js';
import { authorOf } from '../session/author.js';
import type { Charges } from '../session/limits/charges.js';
import { requireAllowed, type WriteCheck } from '../session/checked-writes.js';
import type { ReadAdmission } from '../session/limits/read-admission.js';
import { chargeTo } from './charge-to.js';
import { accessTo } from './access-to.js';
import { awaitFrame } from './await-frame.js';
import { hasChanges, type DocumentHistory } from './document-history.js';
import type { DocumentLifecycle } from './document-lifecycle.js';
import { HttpSession } from './http-session.js';
import type { HttpSessions, Sender } from './http-sessions.js';

export interface DocumentRequestsOptions {
  readonly sessions: HttpSessions;
  readonly coalescer: Coalescer;
  readonly admission: ReadAdmission;
  readonly charges: Charges;
  readonly metrics: AcceptorMetrics;
  /** For so long a request waits for its answer, in ms. */
  readonly timeoutMs: number;
  readonly lifecycle: DocumentLifecycle;
  /** Who is asked about writes before they are merged, if anybody is. */
  readonly writeCheck: WriteCheck | undefined;
  readonly history: DocumentHistory;
  readonly keepsHistory: KeepsHistory;
}

/** The answer to a read. */
export interface DocumentAnswer extends DocumentReadHead {
  readonly body: Buffer;
}

/** Reads and writes of documents by HTTP: they go the way of what comes over WebSockets, and are charged the same. */
export class DocumentRequests {
  readonly #options: DocumentRequestsOptions;

  constructor(options: DocumentRequestsOptions) {
    this.#options = options;
  }

  /** For what the server does by itself: may do everything, and is not charged. */
  openOwn(): DocumentClient {
    return new DocumentClient(this.#options, this.#options.sessions.openOwn(), true);
  }

  /** @throws ProtocolError With the code of the refusal. */
  async open(sender: Sender): Promise<DocumentClient> {
    const session = await this.#options.sessions.open(sender, (...about) => new HttpSession(...about));
    return new DocumentClient(this.#options, session);
  }
}

/** An authenticated sender of one request. All methods throw a ProtocolError for what is refused. */
export class DocumentClient {
  readonly #options: DocumentRequestsOptions;
  readonly #session: HttpSession;
  readonly #isOwn: boolean;
  /** Gives up the read that is asked for. */
  #abandon: (() => void) | undefined;
  #isWriting = false;
  #isClosed = false;

  /** @param isOwn Whether the server itself asks. */
  constructor(options: DocumentRequestsOptions, session: HttpSession, isOwn = false) {
    this.#options = options;
    this.#session = session;
    this.#isOwn = isOwn;
  }

  get userId(): string {
    return this.#session.userId ?? '';
  }

  get isAnonymous(): boolean {
    const { state } = this.#session;
    return state.kind !== 'authenticated' || state.identity === anonymousIdentity;
  }

  /** What is asked for is given up, but for a write: who repeats that with its `Idempotency-Key` gets its answer. */
  close(): void {
    this.#isClosed = true;
    if (this.#isWriting) return;
    this.#abandon?.();
    this.#options.sessions.close(this.#session);
  }

  async read(documentId: string, request: DocumentRead): Promise<DocumentAnswer> {
    if (request.part === 'snapshot') await this.admit(documentId, 'manage');
    // Asked for by the server, to whoever has just been admitted.
    else if (request.part !== 'erasure') await this.admit(documentId, 'read');
    const { admission, coalescer } = this.#options;
    const session = this.#session;
    const payload = Buffer.from(JSON.stringify(request));
    const bytes = await this.#answer('sync_response', () => {
      const gate = (session.reads ??= gateOf(session, admission));
      const subject = `http ${request.part} ${request.fields === undefined ? '' : 'f'} ${documentId}`;
      const start = (read: number): void => {
        coalescer.add(documentId, { kind: recordKinds.httpRead, origin: session.origin(), read, payload }, true);
      };
      if (!gate.request({ documentId, requestId: request.requestId, subject }, start, payload.length)) {
        throw new LimitError('reads', 'too many reads');
      }
    });
    const { head, body } = splitHead(bytes);
    return { ...(head as DocumentReadHead), body };
  }

  /** The documents that the sender may manage. */
  async list(list: ListRequest): Promise<ListPage> {
    chargeTo(this.#session, 'subscribe', 0, this.#options);
    return this.#options.lifecycle.list(this.#session, list);
  }

  /** Deletes, restores or erases a document; resolves when it is durable. */
  async end(request: EndingRequest, requestId: string): Promise<void> {
    chargeTo(this.#session, 'delta', 0, this.#options);
    await this.#options.lifecycle.end(this.#session, request, requestId);
  }

  /** Charges for a request, and rejects when the sender may not do that with the document. */
  async admit(documentId: string, action: 'read' | 'manage'): Promise<void> {
    const access = await accessTo(this.#session, documentId);
    const isAllowed =
      action === 'read' ? access.mayRead(documentId) : access.mayWrite(documentId) || access.mayAdmin(documentId);
    if (!isAllowed) throw new ProtocolError('PERMISSION_DENIED');
    this.charge();
  }

  /**
   * Which documents' changes the sender may see.
   *
   * @throws ProtocolError when he may see none, or would have to be asked about each of them.
   */
  mayFollowAll(): (documentId: string) => boolean {
    const { state, ending } = this.#session;
    if (ending !== undefined || state.kind !== 'authenticated') throw new ProtocolError(ending ?? 'SHUTTING_DOWN');
    const { access, identity } = state;
    const { isAdmin, canRead } = identity.permissions;
    const isAsked = access.prepare !== undefined;
    if (isAdmin && isAsked) return () => true;
    if (!isAdmin && (isAsked || canRead.length === 0)) throw new ProtocolError('PERMISSION_DENIED');
    return (documentId) => access.mayRead(documentId);
  }

  /** Charges for a request about a document that is not known yet. */
  charge(): void {
    if (!this.#isOwn) chargeTo(this.#session, 'subscribe', 0, this.#options);
  }

  /** Rejects when it may not be written. */
  async checkWrite(documentId: string): Promise<void> {
    const access = await accessTo(this.#session, documentId);
    if (!access.mayWrite(documentId)) throw new ProtocolError('PERMISSION_DENIED');
  }

  /** What a document was; charged like a read. */
  async history<Kind extends HistoryRead['kind']>(
    documentId: string,
    request: Extract<HistoryRead, { kind: Kind }>,
  ): Promise<HistoryResults[Kind]> {
    await this.admit(documentId, 'read');
    return this.#options.history.read(documentId, request);
  }

  /** Takes changes back; resolves when that is durable. */
  async rollback(documentId: string, request: RollbackRequest, requestId: string): Promise<RolledBack> {
    await this.checkWrite(documentId);
    chargeTo(this.#session, 'subscribe', 0, this.#options);
    const { history } = this.#options;
    const plan = await history.plan(documentId, request);
    // Whoever is told what became of it may have to do without the answer.
    const receipt = hasChanges(plan)
      ? await this.#write(documentId, { form: 'rollback' }, Buffer.from(JSON.stringify(plan)))
      : JSON.stringify({ stays: [], isText: false });
    const { userId: actor, address } = this.#session;
    return history.rolledBack(
      { actor, address, requestId, target: documentId },
      request,
      plan,
      JSON.parse(receipt) as RollbackReceipt,
    );
  }

  /** Resolves when it is durable. */
  async write(documentId: string, head: DocumentWrite, body: Buffer): Promise<void> {
    await this.#write(documentId, head, body);
  }

  /** Resolves with the receipt of the shard. */
  async #write(documentId: string, head: DocumentWrite, body: Buffer): Promise<string> {
    await this.checkWrite(documentId);
    // What is restored or taken back was not sent by the client.
    chargeTo(
      this.#session,
      'delta_batch',
      head.form === 'restore' || head.form === 'rollback' ? 0 : body.length,
      this.#options,
    );
    this.#isWriting = true;
    try {
      return await this.#send(documentId, head, body);
    } finally {
      this.#isWriting = false;
      if (this.#isClosed) this.close();
    }
  }

  /** Asks the application. What is restored was allowed once, and no rule speaks of texts. */
  async #check(documentId: string, { form }: DocumentWrite, payload: Buffer): Promise<void> {
    const { writeCheck } = this.#options;
    if ((form !== 'patch' && form !== 'deltas') || writeCheck?.isFor(documentId) !== true) return;
    const { userId, address } = this.#session;
    const kind = form === 'patch' ? 'patch' : 'delta_batch';
    requireAllowed(
      await writeCheck.check({ documentId, userId: userId ?? '', address, kind, form: 'binary', payload }),
    );
    // Meanwhile the sender may have been disconnected, or may write less.
    await this.checkWrite(documentId);
  }

  async #send(documentId: string, head: DocumentWrite, body: Buffer): Promise<string> {
    await this.#check(documentId, head, body);
    const session = this.#session;
    const ack = await this.#answer('ack', () => {
      const isQueued = this.#options.coalescer.add(
        documentId,
        {
          kind: recordKinds.httpWrite,
          origin: session.origin(),
          form: 'binary',
          timestamp: Date.now(),
          receivedAt: performance.now(),
          payload: withHead(head, body),
          ...authorOf(session, documentId, this.#options.keepsHistory),
        },
        false,
      );
      if (!isQueued) throw new LimitError('queue', 'the server is overloaded');
    });
    return head.form === 'rollback' ? (JSON.parse(ack.toString()) as { messageId: string }).messageId : '';
  }

  /** Asks for something. @returns The frame of this type that answers it. */
  async #answer(type: MessageType, ask: () => void): Promise<Buffer> {
    // Its client has gone.
    if (this.#isClosed) throw new ProtocolError('SHUTTING_DOWN');
    const awaited = awaitFrame(this.#session, type, this.#options.timeoutMs, ask);
    this.#abandon = awaited.abandon;
    try {
      return await awaited.frame;
    } finally {
      this.#abandon = undefined;
    }
  }
}
