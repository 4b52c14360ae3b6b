import type { FieldsStore, FieldWrite, TextStore } from '@synckit/core-wasm';
import { TextRefused } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import { covers, type Horizon } from '../../storage/horizon.js';
import type { FieldRow, StoredDocument } from '../../storage/port.js';
import type { DirtyFields } from '../commit/dirty-fields.js';
import type { PublishGate } from '../commit/publish-gate.js';
import type { Documents, LoadedDocument } from '../documents/documents.js';
import { liftedBy, publishChanges, shownOf } from '../frames.js';
import type { Echoes } from '../echo/echoes.js';
import { KnownUpdates } from '../text/known-updates.js';
import type { Outbox } from '../outbox.js';
import { claimedCommits, hasShownStamp } from '../resume/flush-claims.js';
import { publishText } from '../text/text-frames.js';
import { eraseUnstored, isDoubtful, raiseHorizon } from '../tombstones/horizon.js';
import { removedField } from '../tombstones/removed-field.js';

export interface RemoteMergeOptions {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  readonly documents: Documents;
  readonly outbox: Outbox;
  readonly dirty: DirtyFields;
  readonly gate: Pick<PublishGate, 'show' | 'showFields'>;
  readonly echoes: Pick<Echoes, 'republished'>;
  readonly log: Logger;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
}

/** What another node, or the storage, holds of a document. */
export interface RemoteState {
  readonly stamp: number;
  readonly fields: readonly FieldRow[];
  readonly text: readonly Uint8Array[];
  readonly horizon: Horizon | undefined;
}

/**
 * Merges what the storage has already: what changes a document goes to the subscribers here with a fresh stamp, and is not
 * committed again.
 */
export class RemoteMerge {
  readonly #options: RemoteMergeOptions;

  constructor(options: RemoteMergeOptions) {
    this.#options = options;
  }

  /**
   * Merges what another node committed.
   *
   * @param wanted Variants that have subscribers, as bits.
   * @returns Whether nothing was missing that the update builds on.
   */
  merge(document: LoadedDocument, update: RemoteState, wanted: number): boolean {
    const { core } = this.#options;
    raiseHorizon(core, document, update.horizon);
    const rows = update.fields.filter((row) => !isDoubtful(core, document, row));
    const isWhole =
      rows.length === update.fields.length || update.fields.every((row) => rows.includes(row) || row.deleted);
    return this.#merge(document, { ...update, fields: rows }, wanted, () => []) && isWhole;
  }

  /**
   * Merges all that is stored.
   *
   * @param wanted Variants that have subscribers, as bits.
   * @returns False when it was read before a purge that is known here, and something was left out: whether a field below the
   *   horizon was removed or is one that nobody here knows yet, only a later read tells.
   */
  mergeStored(
    document: LoadedDocument,
    { stamp, commits, fields, text, horizon }: StoredDocument,
    wanted: number,
  ): boolean {
    const { core } = this.#options;
    raiseHorizon(core, document, horizon);
    const isOlder = !covers(horizon, document.horizon);
    const rows = isOlder ? fields.filter((row) => !isDoubtful(core, document, row)) : fields;
    const isWhole = rows.length === fields.length || fields.every((row) => row.deleted || rows.includes(row));
    const state = { stamp, fields: rows, text: text.map(({ bytes }) => bytes), horizon };
    this.#merge(document, state, wanted, () => eraseUnstored(core, document, fields, horizon));
    if (isWhole) document.commits.loaded(commits);
    if (document.text === undefined) return isWhole;
    for (const { id, bytes } of text) document.text.updates.add(id, bytes.length);
    return isWhole;
  }

  /** @param erase Called when the rows are merged. Returns fields that are gone. */
  #merge(document: LoadedDocument, update: RemoteState, wanted: number, erase: () => readonly string[]): boolean {
    const { core, dirty, documents } = this.#options;
    document.stamp = Math.max(document.stamp, update.stamp);
    const changed = new Map<string, FieldWrite>();
    for (const row of update.fields) {
      // What loses to a write that is not durable may yet take its place.
      dirty.stored(document.id, row);
      document.sends.wroteElsewhere(row.clientId);
      if (core.set(document.handle, row)) changed.set(row.path, row);
    }
    for (const path of erase()) changed.set(path, removedField(path, document.stamp));
    if (changed.size > 0) this.#publishFields(document, changed, wanted);
    // What another node has stored before the erasure may come after it.
    const text = this.#mergeText(document, document.erasedAt === undefined ? update.text : []);
    if (text.changed) this.#publishText(document, wanted);
    if (changed.size > 0 || text.changed) {
      document.changedAt = Math.max(document.changedAt, update.stamp);
      documents.measure(document);
    }
    return !text.incomplete;
  }

  /** Sends the subscribers all there is. */
  publishAll(document: LoadedDocument, wanted: number): void {
    const { core } = this.#options;
    const all = new Map(core.changesAfter(document.handle, -1).map((write) => [write.path, write]));
    if (all.size > 0) this.#publishFields(document, all, wanted);
    this.#publishText(document, wanted);
  }

  #publishFields(document: LoadedDocument, changed: ReadonlyMap<string, FieldWrite>, wanted: number): void {
    const { core, gate, outbox, echoes, nextStamp } = this.#options;
    const stamp = nextStamp(document);
    const routing = { exceptOf: () => 0, liftedBy: liftedBy(document, changed, outbox.now) };
    const commits = claimedCommits(core, document, outbox.now);
    const claims = { commits, isEarly: hasShownStamp(document, changed), unprovable: stamp };
    gate.showFields(document, {
      paths: changed.keys(),
      send: (isShown) => {
        publishChanges(outbox, document, shownOf(changed, isShown), wanted, 0, claims, stamp, routing);
      },
    });
    echoes.republished(document, changed.keys(), stamp);
  }

  #publishText(document: LoadedDocument, wanted: number): void {
    const { gate, outbox, texts, nextStamp } = this.#options;
    const { text } = document;
    if (text === undefined) return;
    gate.show(document, 'text', () => {
      const server = nextStamp(document);
      publishText({ outbox, core: texts, handle: text.handle, documentId: document.id, server, receivedAt: 0 }, wanted);
    });
  }

  #mergeText(
    document: LoadedDocument,
    updates: readonly Uint8Array[],
  ): { readonly changed: boolean; readonly incomplete: boolean } {
    const { texts, log } = this.#options;
    if (updates.length === 0) return { changed: false, incomplete: false };
    const text = document.text ?? { handle: texts.open(), stored: 0, updates: new KnownUpdates() };
    const isStored = texts.version(text.handle) === text.stored;
    try {
      const applied = texts.apply(text.handle, updates);
      // What came is stored already, so the next change need not hold it.
      if (isStored) text.stored = texts.version(text.handle);
      document.text = text;
      return applied;
    } catch (error) {
      if (document.text === undefined) texts.close(text.handle);
      if (!(error instanceof TextRefused)) throw error;
      log.error({ err: error, documentId: document.id }, 'a change of a text could not be read');
      return { changed: false, incomplete: true };
    }
  }
}
