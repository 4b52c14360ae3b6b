import type { TextStore } from '@synckit/core-wasm';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import { newUpdateId } from '../../storage/update-id.js';
import type { TextChange } from '../../storage/port.js';
import type { LoadedDocument } from '../documents.js';
import type { LoadedText } from './text-join.js';

/** Parts of a text above which they are joined to one: loading reads them all. */
const MANY_PARTS = 1_000;
/** Bytes of parts behind the first above which they are joined to one, if the first is not larger. */
const MANY_BYTES = 65_536;
/** How many times as scattered a text may be before its parts are joined although something else is to be written. */
const PATIENCE = 4;

/**
 * What of texts is given to the storage: their changes as parts, and now and then a part that takes the place of all.
 * How often is a matter of what was appended, so writing stays proportional to typing.
 */
export class TextWriter {
  readonly #core: TextStore;
  readonly #metrics: Pick<ShardMetrics, 'textBytesWritten' | 'textCompactions'>;
  readonly #needCompaction = new Set<LoadedDocument>();

  constructor(core: TextStore, metrics: Pick<ShardMetrics, 'textBytesWritten' | 'textCompactions'>) {
    this.#core = core;
    this.#metrics = metrics;
  }

  /** Whether the parts of a document's text are to be joined, for which it must stay in memory. */
  needsCompaction(document: LoadedDocument): boolean {
    return this.#needCompaction.has(document);
  }

  /** What changed since the text was last given to the storage, as a part to append; it may be nothing. */
  take(document: LoadedDocument): TextChange {
    const { text } = document;
    if (text === undefined) throw new Error('a document without text was to be written with one');
    if (this.#core.version(text.handle) === text.stored) return { append: [], replaces: [] };
    const change = this.#append(text, text.stored);
    if (needsCompaction(text)) this.#needCompaction.add(document);
    return change;
  }

  /** The storage will never take what the last part of a text held: the next one must hold it all, or be refused too. */
  refused({ text }: LoadedDocument): void {
    if (text !== undefined) text.stored = 0;
  }

  /** A text whose parts are to be joined now. @param isIdle Whether nothing else is to be written. */
  compact(isIdle: boolean): { readonly document: LoadedDocument; readonly change: TextChange } | undefined {
    for (const document of this.#needCompaction) {
      const { text } = document;
      if (text !== undefined && !isIdle && !needsCompaction(text, PATIENCE)) continue;
      this.#needCompaction.delete(document);
      if (text === undefined || !needsCompaction(text)) continue;
      this.#metrics.textCompactions.add(1);
      return { document, change: this.#compactionOf(text) };
    }
    return undefined;
  }

  /** What was not given to the storage yet goes before the whole, as a part of its own: other nodes are told of that. */
  #compactionOf(text: LoadedText): TextChange {
    const { stored } = text;
    const replaces = text.parts.takeAll();
    const isChange = this.#core.version(text.handle) !== stored;
    const { append: whole } = this.#append(text, 0);
    if (!isChange) return { append: whole, replaces };
    return { append: [...this.#append(text, stored).append, ...whole], replaces };
  }

  #append(text: LoadedText, since: number): TextChange {
    const bytes = this.#core.changesSince(text.handle, since);
    const id = newUpdateId(Date.now());
    text.stored = this.#core.version(text.handle);
    text.parts.add(id, bytes.length);
    this.#metrics.textBytesWritten.add(bytes.length);
    return { append: [{ id, bytes }], replaces: [] };
  }
}

function needsCompaction({ parts }: LoadedText, factor = 1): boolean {
  const { count, firstBytes, laterBytes } = parts;
  return count > MANY_PARTS * factor || laterBytes > Math.max(MANY_BYTES, firstBytes) * factor;
}
