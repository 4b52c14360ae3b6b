import type { TextStore } from '@synckit/core-wasm';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import { newUpdateId } from '../../storage/update-id.js';
import type { TextChange } from '../../storage/port.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { LoadedText } from './text-join.js';

/** Updates of a text above which they are compacted to one: loading reads them all. */
const MANY_UPDATES = 1_000;
/** Bytes of updates behind the first above which they are compacted to one, if the first is not larger. */
const MANY_BYTES = 65_536;
/** How many times these bounds a text may reach before it is compacted although something else is to be written. */
const PATIENCE = 4;

/**
 * What is written of texts: their changes as updates, and now and then one update that takes the place of all. How
 * often depends on what was appended, so writing stays proportional to typing.
 */
export class TextWriter {
  readonly #core: TextStore;
  readonly #metrics: Pick<ShardMetrics, 'textBytesWritten' | 'textCompactions'>;
  readonly #needCompaction = new Set<LoadedDocument>();
  /** Those of them that can't wait until nothing else is to be written. */
  readonly #overdue = new Set<LoadedDocument>();

  constructor(core: TextStore, metrics: Pick<ShardMetrics, 'textBytesWritten' | 'textCompactions'>) {
    this.#core = core;
    this.#metrics = metrics;
  }

  /** Whether the updates of a document's text are to be compacted, for which it must stay in memory. */
  needsCompaction(document: LoadedDocument): boolean {
    return this.#needCompaction.has(document);
  }

  /** What changed since the text was last given to the storage, as an update to append; it may be nothing. */
  nextUpdate(document: LoadedDocument): TextChange {
    const { text } = document;
    if (text === undefined) throw new Error('a document without text was to be written with one');
    if (this.#core.version(text.handle) === text.stored) return { append: [], replaces: [] };
    const change = this.#withAuthors(document, text, this.#append(text, text.stored));
    if (needsCompaction(text)) this.#needCompaction.add(document);
    if (needsCompaction(text, PATIENCE)) this.#overdue.add(document);
    return change;
  }

  /** The text of a document is not to be compacted as it is. */
  forget(document: LoadedDocument): void {
    this.#needCompaction.delete(document);
    this.#overdue.delete(document);
  }

  /** A text that is to be compacted now. @param isIdle Whether nothing else is to be written. */
  compact(isIdle: boolean): { readonly document: LoadedDocument; readonly change: TextChange } | undefined {
    for (const document of isIdle ? this.#needCompaction : this.#overdue) {
      this.#needCompaction.delete(document);
      this.#overdue.delete(document);
      const { text } = document;
      // Another node may have compacted it.
      if (text === undefined || !needsCompaction(text)) continue;
      this.#metrics.textCompactions.add(1);
      return { document, change: this.#compactionOf(document, text) };
    }
    return undefined;
  }

  /** What was not given to the storage yet goes before the whole, as an update of its own: that is what other nodes get. */
  #compactionOf(document: LoadedDocument, text: LoadedText): TextChange {
    const { stored } = text;
    const replaces = text.updates.clear();
    const isChange = this.#core.version(text.handle) !== stored;
    const { append: whole } = this.#append(text, 0);
    if (!isChange) return { append: whole, replaces };
    const append = [...this.#append(text, stored).append, ...whole];
    return this.#withAuthors(document, text, { append, replaces });
  }

  #withAuthors({ keepsHistory }: LoadedDocument, text: LoadedText, change: TextChange): TextChange {
    return keepsHistory ? { ...change, authors: text.authors?.splice(0) ?? [] } : change;
  }

  #append(text: LoadedText, since: number): TextChange {
    const bytes = this.#core.changesSince(text.handle, since);
    const id = newUpdateId(Date.now());
    text.stored = this.#core.version(text.handle);
    text.updates.add(id, bytes.length);
    this.#metrics.textBytesWritten.add(bytes.length);
    return { append: [{ id, bytes }], replaces: [] };
  }
}

function needsCompaction({ updates }: LoadedText, factor = 1): boolean {
  const { count, firstBytes, laterBytes } = updates;
  return count > MANY_UPDATES * factor || laterBytes > Math.max(MANY_BYTES, firstBytes) * factor;
}
