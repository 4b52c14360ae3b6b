/** Documents in the storage of a server that is not running. */
import { TextCore, TextRefused } from '@synckit/core-wasm';
import type { Config } from '../../config/load.js';
import { openTarget } from '../../import/import-target.js';
import { ticksOf } from '../../shard/fields/stamp.js';
import { refuseOpen } from '../../storage/lmdb/backup/in-use.js';
import { maxListLimit } from '../../storage/lifecycle/port.js';
import { isBelow } from '../../storage/horizon.js';
import type { DocumentChange, FieldRow, Storage, StoredDocument } from '../../storage/port.js';
import { newUpdateId } from '../../storage/update-id.js';
import { DataError, withoutStack } from '../tools.js';
import { DocumentRefused, type DocumentStore, type FoundDocument, type ListedLine, type ListOptions } from './store.js';

/** Writes of the command line, in the order of writes and in vectors. */
const clientId = 'synckit-cli';
const removed = '{"__deleted":true}';
const rowsPerCommit = 1_000;

/**
 * @param mayChange Whether something is to be written: then no server may have the embedded storage open.
 * @throws DataError
 */
export async function openLocalStore(config: Config, mayChange: boolean): Promise<DocumentStore> {
  const { storage } = config;
  if (storage.kind === 'memory')
    throw new DataError('DATABASE_URL is memory: there are documents in a server only; give --url');
  return withoutStack(async () => {
    if (mayChange && storage.kind === 'embedded') refuseOpen(storage.directory);
    return new LocalStore(await openTarget(storage), new TextCore({ maxStateBytes: config.maxTextBytes }));
  });
}

class LocalStore implements DocumentStore {
  readonly #storage: Storage;
  readonly #texts: TextCore;

  constructor(storage: Storage, texts: TextCore) {
    this.#storage = storage;
    this.#texts = texts;
  }

  async *list({ prefix, after, isDeleted }: ListOptions): AsyncIterable<readonly ListedLine[]> {
    const state = isDeleted ? 'deleted' : 'present';
    for (let next: string | undefined = after; next !== undefined;) {
      const page = await this.#storage.lifecycle.list({ prefix, after: next, limit: maxListLimit, state });
      yield page.documents.map(({ id, created, updated, deletedAt }) => ({
        ...{ id, created: timeOf(created), updated: timeOf(updated) },
        ...(deletedAt === undefined ? {} : { deleted: timeOf(deletedAt) }),
      }));
      next = page.next;
    }
  }

  async read(ids: readonly string[]): Promise<readonly (FoundDocument | undefined)[]> {
    const stored = await this.#storage.load(ids);
    return stored.map((document, i) => this.#shown(ids[i] ?? '', document));
  }

  async write(id: string, fields: ReadonlyMap<string, string | undefined>): Promise<void> {
    const stored = await this.#writable(id);
    const stamp = Math.max(ticksOf(Date.now()), stored.stamp + 1);
    const before = new Map(stored.fields.map((row) => [row.path, row]));
    const rows = Array.from(fields, ([path, json]): FieldRow => {
      const row = { path, value: json ?? removed, deleted: json === undefined, clientId, stamp, counter: stamp };
      return { ...row, timestamp: placeAfter(before.get(path), stored, stamp) };
    });
    for (let i = 0; i < rows.length; i += rowsPerCommit) {
      await this.#commit({ documentId: id, stamp, fields: rows.slice(i, i + rowsPerCommit) });
    }
  }

  async writeText(id: string, state: string): Promise<void> {
    const { stamp } = await this.#writable(id);
    const handle = this.#texts.open();
    try {
      this.#texts.merge(handle, Buffer.from(state), false);
      const update = { id: newUpdateId(Date.now()), bytes: this.#texts.changesSince(handle, 0) };
      const text = { append: [update], replaces: [] };
      await this.#commit({ documentId: id, stamp: Math.max(ticksOf(Date.now()), stamp + 1), fields: [], text });
    } catch (error) {
      throw error instanceof TextRefused ? new DocumentRefused(error.message) : error;
    } finally {
      this.#texts.close(handle);
    }
  }

  async end(kind: 'delete' | 'restore' | 'erase', id: string): Promise<boolean> {
    const { lifecycle } = this.#storage;
    const at = Date.now();
    const commit = await (kind === 'delete'
      ? lifecycle.delete(id, at)
      : kind === 'restore'
        ? lifecycle.restore(id)
        : lifecycle.erase({ documentId: id, at, stamp: ticksOf(at) }));
    return commit !== undefined;
  }

  close(): Promise<void> {
    return this.#storage.close();
  }

  async #writable(id: string): Promise<StoredDocument> {
    const [stored] = await this.#storage.load([id]);
    if (stored?.deletedAt !== undefined) throw new DocumentRefused('Document deleted');
    return stored ?? { stamp: 0, commits: 0, fields: [], text: [] };
  }

  async #commit(change: DocumentChange): Promise<void> {
    const { refused, expired = [] } = await this.#storage.commit([change]);
    const [first] = refused;
    if (first !== undefined) throw new DocumentRefused(`${first.path ?? 'its text'}: ${first.reason}`);
    if (expired.length > 0) throw new DocumentRefused(`${expired[0]?.path ?? ''}: it was removed after now`);
  }

  #shown(id: string, { fields, text, stamp, commits, deletedAt, erasedAt }: StoredDocument): FoundDocument | undefined {
    const live = fields.filter(({ deleted }) => !deleted);
    const isMarker = erasedAt !== undefined && fields.length === 0;
    if (commits + stamp === 0 || deletedAt !== undefined || isMarker) return undefined;
    const shown = text.length === 0 ? undefined : this.#textOf(text.map(({ bytes }) => bytes));
    return { id, fields: new Map(live.map(({ path, value }) => [path, value])), text: shown, updated: undefined };
  }

  #textOf(updates: readonly Uint8Array[]): string {
    const handle = this.#texts.open();
    try {
      this.#texts.apply(handle, updates);
      return this.#texts.text(handle);
    } finally {
      this.#texts.close(handle);
    }
  }
}

/** A time at which a write comes after what is stored. */
function placeAfter(before: FieldRow | undefined, { horizon }: StoredDocument, counter: number): number {
  let timestamp = Math.max(Date.now(), (before?.timestamp ?? -1) + 1);
  if (horizon !== undefined && isBelow({ timestamp, counter, clientId }, horizon)) timestamp = horizon.timestamp + 1;
  return timestamp;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
