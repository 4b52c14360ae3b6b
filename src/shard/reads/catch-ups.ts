import type { Logger } from 'pino';
import type { ReadRecord } from '../../messages/task.js';
import type { Storage, StoredDocument } from '../../storage/port.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { OpenGroup } from '../open-task.js';

/** A read with the records of its task. */
interface WaitingRead {
  readonly record: ReadRecord;
  readonly openGroup: OpenGroup;
}

export interface CatchUpsOptions {
  readonly storage: Pick<Storage, 'lastCommits' | 'load'>;
  readonly log: Logger;
  /** Merges what is stored, and publishes what that changes. */
  readonly merge: (document: LoadedDocument, stored: StoredDocument) => void;
  /** Called with each read that waited, after the merge. */
  readonly answer: (document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup) => void;
  /** Called instead when the document could not be loaded. */
  readonly refuse: (document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup) => void;
  readonly endTurn: () => void;
}

/**
 * Reads of clients that know a later commit than this process has in memory: they come from another node, whose update is
 * still on its way. An answer without it would take back what they were sent, and their clock would say that they have it.
 * So the document is loaded again first, once for all who wait. The storage is asked for its last commit before: a client
 * may name any number, and to load a large document costs what the answer does not show.
 */
export class CatchUps {
  readonly #options: CatchUpsOptions;
  readonly #waiting = new Map<LoadedDocument, WaitingRead[]>();

  constructor(options: CatchUpsOptions) {
    this.#options = options;
  }

  /** Whether a read of the document waits, which keeps it in memory. */
  has(document: LoadedDocument): boolean {
    return this.#waiting.has(document);
  }

  /** Answers a read with what a load that begins after this call brings. */
  add(document: LoadedDocument, record: ReadRecord, openGroup: OpenGroup): void {
    const queue = this.#waiting.get(document);
    if (queue !== undefined) {
      queue.push({ record, openGroup });
      return;
    }
    this.#waiting.set(document, [{ record, openGroup }]);
    // Those that come in this turn of the event loop are covered by the same load.
    setImmediate(() => void this.#load(document));
  }

  async #load(document: LoadedDocument): Promise<void> {
    const { log, answer, refuse, endTurn } = this.#options;
    // Who comes while it is under way may know a later commit.
    const reads = this.#waiting.get(document) ?? [];
    const covered = reads.length;
    let settle = answer;
    try {
      await this.#refresh(document);
    } catch (error) {
      log.error(
        { err: error, documentId: document.id },
        'a document could not be loaded again for a client that knows more of it',
      );
      settle = refuse;
    }
    const later = reads.slice(covered);
    if (later.length === 0) this.#waiting.delete(document);
    else {
      this.#waiting.set(document, later);
      setImmediate(() => void this.#load(document));
    }
    for (const { record, openGroup } of reads.slice(0, covered)) settle(document, record, openGroup);
    endTurn();
  }

  /** @throws When the storage can't be asked. */
  async #refresh(document: LoadedDocument): Promise<void> {
    const { storage, merge } = this.#options;
    const [last = 0] = await storage.lastCommits([document.id]);
    if (last <= document.commits.upTo) return;
    const [stored] = await storage.load([document.id]);
    if (stored !== undefined) merge(document, stored);
  }
}
