import type { TextStore } from '@synckit/core-wasm';
import type {
  HistoryAnswer,
  HistoryPage,
  HistoryRefusal,
  HistoryRequest,
  RollbackPlan,
} from '../../messages/history.js';
import { quote } from '../../protocol/encode.js';
import type { HistoryDocument, HistoryHead, PastDocument, Pruned } from '../../storage/history/port.js';
import type { Storage } from '../../storage/port.js';
import { loadText } from '../text/text-join.js';
import { bytesOf } from '../../storage/history/changes.js';
import { RollbackPlanner } from './rollback-planner.js';

export interface HistoryReadsOptions {
  readonly storage: Pick<Storage, 'history'>;
  readonly texts: TextStore;
}

/** Entries that one request for a rollback looks at. */
const maxLooks = 100_000;
/** And bytes of their values: also where fields are large, a request keeps a shard busy for a bounded time. */
const maxLooksBytes = 256 * 1024 ** 2;
const looksAtOnce = 1_000;

/** Answers what is asked about what documents were. What is not durable yet is not part of it. */
export class HistoryReads {
  readonly #options: HistoryReadsOptions;

  constructor(options: HistoryReadsOptions) {
    this.#options = options;
  }

  /** Rejects when the storage fails. The answer to `at` is the document in JSON, in UTF-8. */
  async do(
    request: HistoryRequest,
  ): Promise<
    | HistoryAnswer<HistoryPage>
    | HistoryAnswer<Uint8Array>
    | HistoryAnswer<RollbackPlan>
    | readonly HistoryDocument[]
    | Pruned
  > {
    const { history } = this.#options.storage;
    switch (request.kind) {
      case 'entries': {
        const { entries, hasMore, ...head } = await history.entries(request.documentId, request);
        const { keptSince } = head;
        return refusalOf(head) ?? { ok: true, result: { entries, hasMore, keptSince } };
      }
      case 'at': {
        const past = await this.#at(request.documentId, request.at);
        if ('code' in past) return past;
        return { ok: true, result: this.#asJson(request.documentId, request.at, past) };
      }
      case 'rollback':
        return this.#plan(request);
      case 'list':
        return history.list(request.after, request.limit);
      case 'prune':
        return history.prune(request);
    }
  }

  async #at(documentId: string, at: number): Promise<PastDocument | Refused> {
    const past = await this.#options.storage.history.at(documentId, at);
    return refusalOf(past) ?? keptRefusal(past, at) ?? past;
  }

  #asJson(id: string, at: number, { fields, text, keptSince = 0 }: PastDocument): Uint8Array {
    const members = Array.from(fields, ([path, value]) => `${quote(path)}:${value}`);
    const shown = this.#shown(text);
    const rest = `"at":"${new Date(at).toISOString()}","keptSince":"${new Date(keptSince).toISOString()}"`;
    const content = shown === undefined ? '' : `,"text":${quote(shown)}`;
    return new TextEncoder().encode(`{"id":"${id}","fields":{${members.join(',')}}${content},${rest}}`);
  }

  /** What a text shows that is joined of these; undefined when there is none. */
  #shown(updates: readonly Uint8Array[]): string | undefined {
    const { texts } = this.#options;
    if (updates.length === 0) return undefined;
    const named = updates.map((bytes, i) => ({ id: String(i), bytes }));
    const { text } = loadText(texts, named);
    try {
      return texts.text(text.handle);
    } finally {
      texts.close(text.handle);
    }
  }

  async #plan({
    documentId,
    rollback,
    maxBytes,
  }: Extract<HistoryRequest, { kind: 'rollback' }>): Promise<HistoryAnswer<RollbackPlan>> {
    const { history } = this.#options.storage;
    const { since, user, fields } = rollback;
    const planner = new RollbackPlanner({ user, fields: fields && new Set(fields), maxBytes });
    let [looks, bytes] = [0, 0];
    for (let isLast = false; !isLast;) {
      const limit = looksAtOnce;
      const page = await history.entries(documentId, { before: planner.last, limit, maxBytes: 4 * 1024 ** 2 });
      const refused = refusalOf(page) ?? (since === undefined ? undefined : keptRefusal(page, since));
      if (refused !== undefined) return refused;
      isLast = !page.hasMore;
      for (const entry of page.entries) {
        if (since !== undefined && entry.at <= since) {
          isLast = true;
          break;
        }
        planner.add(entry);
        if (entry.kind === 'field') bytes += bytesOf(entry);
      }
      looks += page.entries.length;
      if (planner.isTooLarge) return tooLarge('more would be written than a document may hold');
      if (looks >= maxLooks && !isLast) return tooLarge(`more than ${maxLooks} entries`);
      if (bytes >= maxLooksBytes && !isLast) return tooLarge(`more than ${maxLooksBytes} bytes of values`);
    }
    const { plan, textAt, textTo } = planner.plan(since);
    if (textAt === undefined) return { ok: true, result: plan };
    const past = await this.#at(documentId, textAt);
    if ('code' in past) return { ok: true, result: { ...plan, keepsText: true } };
    const text = this.#shown(past.text) ?? '';
    if (user === undefined || textTo === undefined) return { ok: true, result: { ...plan, text } };
    // Of what others have written it may be that nothing is stored yet.
    const present = await this.#at(documentId, textTo);
    if ('code' in present) return { ok: true, result: { ...plan, keepsText: true } };
    return { ok: true, result: { ...plan, text, expectedText: this.#shown(present.text) ?? '' } };
  }
}

type Refused = Extract<HistoryAnswer<never>, { ok: false }>;

function refusalOf({ state }: HistoryHead): Refused | undefined {
  if (state === 'present') return undefined;
  return refused(state === 'deleted' ? 'DOCUMENT_DELETED' : 'DOCUMENT_NOT_FOUND');
}

/** Why it is not known how a document was at a time. */
function keptRefusal({ keptSince }: HistoryHead, at: number): Refused | undefined {
  return keptSince === undefined || at < keptSince ? refused('HISTORY_NOT_KEPT') : undefined;
}

function tooLarge(reason: string): Refused {
  return refused('HISTORY_TOO_LARGE', reason);
}

function refused(code: HistoryRefusal, reason?: string): Refused {
  return { ok: false, code, ...(reason === undefined ? {} : { reason }) };
}
