import type { Config } from '../../config/load.js';
import { LimitError, ProtocolError } from '../../errors.js';
import type { SampledLog } from '../../log.js';
import type {
  HistoryAnswer,
  HistoryRead,
  HistoryRequest,
  HistoryResults,
  KeepsHistory,
  RollbackPlan,
  RollbackReceipt,
  RollbackRequest,
  RolledBack,
} from '../../messages/history.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { HistoryClient } from '../../pool/history-client.js';
import type { Audit } from '../session/authentication.js';

export interface DocumentHistoryOptions {
  readonly history: HistoryClient;
  /** Undefined when no history is kept. */
  readonly keepsHistory: KeepsHistory;
  readonly audit: Audit;
  readonly log: Pick<SampledLog, 'sampled'>;
  readonly metrics: Pick<AcceptorMetrics, 'rollbacks'>;
  /** For so long a request waits for its answer, in ms. */
  readonly timeoutMs: number;
  readonly config: Pick<Config, 'maxDocumentBytes'>;
}

/** Requests that wait at a time, of all clients: each may keep the storage and a shard busy. */
const MAX_WAITING = 32;
export function hasChanges({ sets, text }: RollbackPlan): boolean {
  return sets.length > 0 || text !== undefined;
}

/** What documents were, and how they come back to it. All methods throw a ProtocolError for what is refused. */
export class DocumentHistory {
  readonly #options: DocumentHistoryOptions;
  #waiting = 0;

  constructor(options: DocumentHistoryOptions) {
    this.#options = options;
  }

  async read<Kind extends HistoryRead['kind']>(
    documentId: string,
    request: Extract<HistoryRead, { kind: Kind }>,
  ): Promise<HistoryResults[Kind]> {
    return (await this.#ask(documentId, { ...request, documentId })) as HistoryResults[Kind];
  }

  async plan(documentId: string, rollback: RollbackRequest): Promise<RollbackPlan> {
    const maxBytes = this.#options.config.maxDocumentBytes;
    return (await this.#ask(documentId, { kind: 'rollback', documentId, rollback, maxBytes })) as RollbackPlan;
  }

  /** Notes a rollback that is durable. */
  rolledBack(
    details: Parameters<Audit>[1],
    { since, user, fields }: RollbackRequest,
    plan: RollbackPlan,
    { stays, isText, keepsText }: RollbackReceipt,
  ): RolledBack {
    const staying = new Set(stays);
    const changed = plan.sets.filter((_, i) => !staying.has(i)).map(({ field }) => field);
    const kept = [...plan.kept, ...plan.sets.filter((_, i) => staying.has(i)).map(({ field }) => field)];
    const text = isText ? 'changed' : plan.keepsText === true || keepsText === true ? 'kept' : 'unchanged';
    this.#options.metrics.rollbacks.add(1);
    const change = { since, user, fields: fields?.length, changed: changed.length, kept: kept.length, text };
    this.#options.audit('document_rolled_back', { ...details, change });
    return { changed, kept, text };
  }

  async #ask(documentId: string, request: HistoryRequest): Promise<unknown> {
    const { keepsHistory, history, timeoutMs, log } = this.#options;
    if (keepsHistory?.(documentId) !== true) throw new ProtocolError('HISTORY_OFF');
    if (this.#waiting >= MAX_WAITING) throw new LimitError('queue', 'the server is overloaded');
    this.#waiting++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new ProtocolError('STORAGE_UNAVAILABLE', 'it took too long'));
      }, timeoutMs);
    });
    const asked = history.ask(documentId, request).finally(() => this.#waiting--);
    let answer: HistoryAnswer<unknown>;
    try {
      answer = await Promise.race([asked, late]);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      log.sampled('error', { err: error }, 'a request about the history of a document failed');
      throw new ProtocolError('STORAGE_UNAVAILABLE');
    } finally {
      clearTimeout(timer);
    }
    if (!answer.ok) throw new ProtocolError(answer.code, answer.reason);
    return answer.result;
  }
}
