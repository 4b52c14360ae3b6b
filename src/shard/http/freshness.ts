import { splitHead, type DocumentWrite } from '../../messages/document-request.js';
import { recordKinds, type TaskGroup, type TaskRecord } from '../../messages/task.js';
import type { Storage, StoredDocument } from '../../storage/port.js';
import type { Documents, LoadedDocument } from '../documents/documents.js';
import type { OpenGroup } from '../open-task.js';

export interface FreshnessOptions {
  readonly storage: Pick<Storage, 'lastCommits' | 'load'>;
  readonly documents: Pick<Documents, 'peek'>;
  /** Whether what other nodes do with a document is sent to this one. */
  readonly isFollowed: (documentId: string) => boolean;
  /** Merges what is stored into a document that is older. */
  readonly merge: (document: LoadedDocument, stored: StoredDocument) => void;
  /** Does what waited. */
  readonly process: (document: LoadedDocument, group: TaskGroup, openGroup: OpenGroup) => void;
  /** The storage can't be asked. */
  readonly refuse: (documentId: string, group: TaskGroup, openGroup: OpenGroup) => void;
  readonly endTurn: () => void;
}

interface Waiting {
  readonly group: TaskGroup;
  readonly openGroup: OpenGroup;
}

/** Documents that are asked for with one request. */
const BATCH = 256;

/**
 * In a cluster, makes HTTP requests wait until the document is no older than the storage. Subscribers are sent what other
 * nodes write; a document without any is not followed, and whoever has just written by one node may ask another.
 */
export class Freshness {
  readonly #options: FreshnessOptions;
  #waiting = new Map<string, Waiting[]>();
  /** Those that the present request is for. */
  #asked = new Map<string, Waiting[]>();

  constructor(options: FreshnessOptions) {
    this.#options = options;
  }

  /** Whether something waits for a document, which keeps it in memory. */
  has({ id }: LoadedDocument): boolean {
    return this.#waiting.has(id) || this.#asked.has(id);
  }

  /** Keeps what must wait of a group. @returns The rest. */
  hold({ id }: LoadedDocument, group: TaskGroup, openGroup: OpenGroup): TaskGroup {
    const isFollowed = this.#options.isFollowed(id);
    const held = group.records.filter((record) => isHeld(record, isFollowed));
    if (held.length === 0) return group;
    const waiting = this.#waiting.get(id) ?? [];
    waiting.push({ group: { ...group, writerOnly: false, records: held }, openGroup });
    this.#waiting.set(id, waiting);
    if (this.#asked.size === 0) void this.#ask();
    return { ...group, records: group.records.filter((record) => !held.includes(record)) };
  }

  async #ask(): Promise<void> {
    const { process, refuse, endTurn } = this.#options;
    while (this.#waiting.size > 0) {
      const ids = [...this.#waiting.keys()].slice(0, BATCH);
      this.#asked = new Map(ids.map((id) => [id, this.#waiting.get(id) ?? []]));
      for (const id of ids) this.#waiting.delete(id);
      const isFresh = await this.#refresh(ids);
      const asked = this.#asked;
      this.#asked = new Map();
      for (const [id, all] of asked) {
        const document = isFresh ? this.#loaded(id) : undefined;
        for (const { group, openGroup } of all) {
          if (document === undefined) refuse(id, group, openGroup);
          else process(document, group, openGroup);
        }
      }
      endTurn();
    }
  }

  /** @returns Whether the storage has answered. */
  async #refresh(ids: readonly string[]): Promise<boolean> {
    const { storage, merge } = this.#options;
    try {
      const numbers = await storage.lastCommits(ids);
      const older = ids.filter((id, i) => (this.#loaded(id)?.commits.upTo ?? 0) < (numbers[i] ?? 0));
      if (older.length === 0) return true;
      const stored = await storage.load(older);
      stored.forEach((one, i) => {
        const document = this.#loaded(older[i] ?? '');
        if (document !== undefined) merge(document, one);
      });
      return true;
    } catch {
      // The storage reports why, and whoever asked is told that it can't be reached.
      return false;
    }
  }

  #loaded(id: string): LoadedDocument | undefined {
    const slot = this.#options.documents.peek(id);
    return slot?.kind === 'loaded' ? slot : undefined;
  }
}

function isHeld(record: TaskRecord, isFollowed: boolean): boolean {
  if (record.kind === recordKinds.httpRead) return true;
  if (record.kind !== recordKinds.httpWrite) return false;
  // It may be deleted meanwhile.
  if (!isFollowed) return true;
  const { form, ifMatch, ifNoneMatch } = splitHead(record.payload).head as DocumentWrite;
  // What takes the place of all that there is must see it.
  const isWhole = form !== 'patch' && form !== 'deltas';
  return isWhole || ifMatch !== undefined || ifNoneMatch !== undefined;
}
