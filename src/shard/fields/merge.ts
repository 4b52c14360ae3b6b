import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import type { SetOperation } from '../../protocol/operations.js';
import type { Origin } from '../../messages/task.js';
import type { DirtyFields } from '../commit/dirty-fields.js';
import type { Dating } from './dating.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { Author } from '../echo/author.js';
import type { Echoes } from '../echo/echoes.js';
import type { Loser } from './loser.js';
import type { StampClock } from './stamp.js';

export interface MergeLimits {
  /** Fields of a document, without removed ones. */
  readonly maxFields: number;
  /** Bytes of a document in memory, without removed fields. */
  readonly maxBytes: number;
}

export interface MergeOptions {
  readonly core: FieldsStore;
  readonly clock: StampClock;
  readonly limits: MergeLimits;
  /** Stands for writers that name no client id. */
  readonly nodeId: string;
  readonly dating: Dating;
  readonly echoes: Echoes;
  readonly dirty: DirtyFields;
}

/** With who has written it, which copies of it bear too: that is how it gets to the storage (`FieldRow`). */
interface AuthoredWrite extends FieldWrite {
  userId?: string;
}

const nobody: ReadonlyMap<number, Loser> = new Map();

/**
 * One flush of one document: takes the writes that are due, and knows afterwards which fields changed and who lost.
 * Several writes to a field leave as one, the winner.
 */
export class Merge {
  /** The winners of this flush by field, in the order of their stamps. */
  readonly changed = new Map<string, FieldWrite>();
  /** Of the winners, by field. */
  readonly authors = new Map<string, Author>();
  /** Winners of this flush that later ones replaced, by field, where the document has history. */
  replaced: Map<string, FieldWrite[]> | undefined;
  /** Writes of fields that were merged, and how many of them won. */
  operations = 0;
  applied = 0;
  /** Made when a write loses: in most flushes none does. */
  #losers: Map<number, Loser> | undefined;
  readonly #core: FieldsStore;
  readonly #clock: StampClock;
  readonly #limits: MergeLimits;
  readonly #document: LoadedDocument;
  readonly #nodeId: string;
  readonly #dating: Dating;
  readonly #echoes: Echoes;
  readonly #dirty: DirtyFields;

  constructor({ core, clock, limits, nodeId, dating, echoes, dirty }: MergeOptions, document: LoadedDocument) {
    this.#core = core;
    this.#dirty = dirty;
    this.#clock = clock;
    this.#limits = limits;
    this.#nodeId = nodeId;
    this.#dating = dating;
    this.#echoes = echoes;
    this.#document = document;
  }

  /** Sessions of which writes lost, by number. */
  get losers(): ReadonlyMap<number, Loser> {
    return this.#losers ?? nobody;
  }

  /** A session need not be sent anything. */
  dropLoser(session: number): void {
    this.#losers?.delete(session);
  }

  /**
   * Applies the operations of one message, which `check` has let pass; returns them as they were taken.
   *
   * @param userId Who writes, where the document has history.
   */
  apply(operations: readonly SetOperation[], origin: Origin, now: number, userId?: string): FieldWrite[] {
    this.operations += operations.length;
    const writes = operations.map((operation) => this.#applyOne(operation, origin, now, userId));
    const last = operations.at(-1);
    if (last !== undefined) this.#document.sends.wrote(origin.session, counted(last), now);
    return writes;
  }

  #applyOne(operation: SetOperation, origin: Origin, now: number, userId: string | undefined): FieldWrite {
    const document = this.#document;
    const { field: path, clientId, counter, clockMax } = operation;
    const sent = this.#echoes.fieldOf(document, path);
    const stamp = this.#clock.next(document.stamp, clockMax, now);
    document.stamp = stamp;
    const write: AuthoredWrite = {
      path,
      value: operation.value,
      deleted: operation.deleted,
      timestamp: this.#clock.timestamp(operation.timestamp, now),
      counter: counter ?? stamp,
      clientId: clientId ?? this.#nodeId,
      stamp,
    };
    if (userId !== undefined) write.userId = userId;
    const durable = this.#dirty.has(document.id, path) ? undefined : this.#core.get(document.handle, path);
    const taken = this.#dating.set(document, write, operation, origin, sent, now);
    if (taken === undefined) {
      // One that is dated ahead takes the place of nothing that it has not seen.
      if (!this.#clock.isAhead(operation.timestamp, now)) this.#dirty.contend(document.id, write);
      this.#lose(operation, origin);
      return write;
    }
    this.#dirty.begin(document.id, path, durable);
    const former = this.changed.get(path);
    if (former !== undefined) {
      this.#dirty.contend(document.id, former);
      if (document.keepsHistory) this.#noteReplaced(former);
    }
    // Moved to the end: a client that gets only the first frames has a clock that claims nothing of the rest.
    this.changed.delete(path);
    this.changed.set(path, taken);
    this.authors.set(path, { origin, clientId, counter, clockMax, sent, except: 0 });
    this.applied++;
    this.#win(path, origin);
    return taken;
  }

  #noteReplaced(former: FieldWrite): void {
    this.replaced ??= new Map();
    const others = this.replaced.get(former.path);
    if (others === undefined) this.replaced.set(former.path, [former]);
    else others.push(former);
  }

  /** What lost of the same session before is not what it shows any more. */
  #win(path: string, { session }: Origin): void {
    const loser = this.#losers?.get(session);
    if (loser?.paths.delete(path) === true && loser.paths.size === 0) this.dropLoser(session);
  }

  #lose(operation: SetOperation, origin: Origin): void {
    const { field: path, clientId } = operation;
    this.#losers ??= new Map();
    let loser = this.#losers.get(origin.session);
    if (loser === undefined) {
      loser = { origin, paths: new Map(), clientId };
      this.#losers.set(origin.session, loser);
    }
    loser.paths.set(path, operation);
    loser.clientId ??= clientId;
  }

  /** @throws ProtocolError DOCUMENT_TOO_LARGE when the document may not grow by these operations. */
  check(operations: readonly SetOperation[]): void {
    const { maxFields, maxBytes } = this.#limits;
    const handle = this.#document.handle;
    // Removals may always be: what they leave has bounds of its own.
    const kept = operations.filter(({ deleted }) => !deleted);
    if (kept.length === 0) return;
    const live = this.#core.liveCount(handle);
    if (live + kept.length > maxFields) {
      const fresh = new Set<string>();
      for (const { field } of kept) if (this.#core.get(handle, field)?.deleted !== false) fresh.add(field);
      if (fresh.size > 0 && live + fresh.size > maxFields) {
        throw new ProtocolError('DOCUMENT_TOO_LARGE', `a document has at most ${maxFields} fields`);
      }
    }
    let bytes = this.#core.liveBytes(handle);
    for (const { field, value } of kept) bytes += Buffer.byteLength(field) + Buffer.byteLength(value);
    if (bytes > maxBytes) {
      throw new ProtocolError('DOCUMENT_TOO_LARGE', `a document has at most ${maxBytes} bytes`);
    }
  }
}

/** The client id of a writer that counts, and whose count can be raised. */
function counted({ clientId, counter }: SetOperation): string | undefined {
  return counter === undefined ? undefined : clientId;
}
