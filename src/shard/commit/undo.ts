import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { compareRows } from '../../storage/order.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { DirtyFields } from './dirty-fields.js';

export interface UndoOptions {
  readonly core: FieldsStore;
  readonly dirty: DirtyFields;
  /** A document's memory has changed. */
  readonly measure: (document: LoadedDocument) => void;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
  /** Gives a write to the storage. */
  readonly commit: (document: LoadedDocument, write: FieldWrite) => void;
  /** Sends the subscribers of a document what its fields hold now. @param unprovable As in `FlushClaims`. */
  readonly publish: (document: LoadedDocument, changed: ReadonlyMap<string, FieldWrite>, unprovable: number) => void;
}

/** A field of which writes were forgotten that could have taken the place of one that was refused. */
export type Forgotten = Pick<FieldWrite, 'path'>;

const TOMBSTONE = '{"__deleted":true}';

/**
 * Takes back what the storage refused, where it is still what a field holds: the greatest write that lost to it takes its
 * place and is committed, else what is stored. Subscribers, who may have seen the refused value, get that with a fresh
 * stamp.
 */
export class Undo {
  readonly #options: UndoOptions;

  constructor(options: UndoOptions) {
    this.#options = options;
  }

  /**
   * @param refused Writes of the document whose batch was committed without them.
   * @param commit The number of that commit; undefined when nothing at all of the document was stored.
   * @returns Fields of which contenders are missing.
   */
  takeBack(document: LoadedDocument, refused: readonly FieldWrite[], commit: number | undefined): Forgotten[] {
    const { core, dirty, measure, nextStamp, publish } = this.#options;
    // Before the others, so that none of them has it and all are above it.
    const unprovable = nextStamp(document);
    // Whoever has no commit from this one on may have seen what was refused.
    const seenBefore = commit ?? document.commits.last + 1;
    const changed = new Map<string, FieldWrite>();
    const forgotten: Forgotten[] = [];
    for (const write of refused) {
      const { path } = write;
      const successor = dirty.refused(document.id, write);
      if (successor === undefined) continue;
      const present = core.get(document.handle, path);
      if (present !== undefined && compareRows(present, write) !== 0) {
        // Another node's, which is stored and greater than all that lost here.
        dirty.end(document.id, path);
        continue;
      }
      const { contender, durable, overflowed } = successor;
      if (contender === undefined && overflowed) forgotten.push({ path });
      // Whoever has seen the refused value, and is not here now, must find this one newer.
      const next = { ...(contender ?? durable ?? removalOf(path)), stamp: nextStamp(document) };
      core.replace(document.handle, contender === undefined ? { ...next, commit: seenBefore } : next);
      changed.set(path, next);
      if (contender !== undefined) this.#options.commit(document, next);
    }
    if (changed.size === 0) return forgotten;
    measure(document);
    publish(document, changed, unprovable);
    return forgotten;
  }
}

/** Stands for a field that never was: less than any write, and told to clients as a removal. It is not stored. */
function removalOf(path: string): Omit<FieldWrite, 'stamp'> {
  return { path, value: TOMBSTONE, deleted: true, timestamp: 0, counter: 0, clientId: 'server' };
}
