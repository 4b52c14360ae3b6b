import { LimitError, ProtocolError } from '../../errors.js';
import type { EndingRequest } from '../../messages/lifecycle-request.js';
import type { ListPage, ListRequest } from '../../storage/lifecycle/port.js';
import type { LifecycleClient } from '../../pool/lifecycle-client.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { Audit } from '../session/authentication.js';
import { accessTo } from './access-to.js';
import type { HttpSession } from './http-session.js';

export interface DocumentLifecycleOptions {
  readonly documents: LifecycleClient;
  readonly audit: Audit;
  readonly metrics: Pick<AcceptorMetrics, 'documentLifecycle'>;
  /** For so long a request waits for its answer, in ms. */
  readonly timeoutMs: number;
  /** Requests that wait at a time, of all clients: each may keep the storage busy for long. */
  readonly maxWaiting: number;
}

const events = { delete: 'deleted', restore: 'restored', erase: 'erased' } as const;
const auditEvents = {
  delete: 'document_deleted',
  restore: 'document_restored',
  erase: 'document_erased',
} as const;

/** Lists of documents, and their deletion, for those who may manage them. */
export class DocumentLifecycle {
  readonly #options: DocumentLifecycleOptions;
  #waiting = 0;

  constructor(options: DocumentLifecycleOptions) {
    this.#options = options;
  }

  /**
   * The documents that the sender may manage. A page may be short, or empty, where he may manage few.
   *
   * @throws ProtocolError
   */
  async list({ state }: HttpSession, list: ListRequest): Promise<ListPage> {
    if (state.kind !== 'authenticated') throw new ProtocolError('SHUTTING_DOWN');
    const { access, identity } = state;
    const { isAdmin, canAdmin = [] } = identity.permissions;
    // Where the application decides, it would have to be asked about each of them.
    const mayList = isAdmin || (canAdmin.length > 0 && access.prepare === undefined);
    if (!mayList) throw new ProtocolError('PERMISSION_DENIED', 'only who may manage documents may list them');
    const { documents, next } = await this.#wait(() => this.#options.documents.list(list));
    const isOpen = isAdmin && access.prepare !== undefined;
    return { documents: isOpen ? documents : documents.filter(({ id }) => access.mayAdmin(id)), next };
  }

  /** Resolves when it is durable. @throws ProtocolError */
  async end(session: HttpSession, request: EndingRequest, requestId: string): Promise<void> {
    const { audit, metrics, documents } = this.#options;
    const { kind, documentId } = request;
    const access = await accessTo(session, documentId);
    if (!access.mayAdmin(documentId)) throw new ProtocolError('PERMISSION_DENIED');
    const isFound = await this.#wait(() => documents.end(request));
    if (!isFound) throw new ProtocolError('DOCUMENT_NOT_FOUND');
    metrics.documentLifecycle(events[kind]).add(1);
    audit(auditEvents[kind], { actor: session.userId, target: documentId, address: session.address, requestId });
  }

  async #wait<Result>(action: () => Promise<Result>): Promise<Result> {
    const { timeoutMs, maxWaiting } = this.#options;
    if (this.#waiting >= maxWaiting) throw new LimitError('queue', 'the server is overloaded');
    this.#waiting++;
    const done = action().finally(() => this.#waiting--);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new ProtocolError('STORAGE_UNAVAILABLE', 'it took too long; whether it is done is not known'));
      }, timeoutMs);
    });
    try {
      return await Promise.race([done, late]);
    } catch (error) {
      // The shard has logged why.
      throw error instanceof ProtocolError ? error : new ProtocolError('STORAGE_UNAVAILABLE');
    } finally {
      clearTimeout(timer);
    }
  }
}
