import type { TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { LoadedText } from './text-join.js';

/** The part of its bound above which a text is reported: time is left to move what is in it. */
const WARN_AT = 0.8;

/** Reports texts that are nearly full, once each while they are in memory: the server can't make them smaller. */
export class LargeTexts {
  readonly #reported = new WeakSet<LoadedText>();

  /** @param maxBytes Of a state. */
  constructor(
    readonly core: Pick<TextStore, 'stateSize'>,
    readonly log: Logger,
    readonly metrics: Pick<ShardMetrics, 'largeTexts'>,
    readonly maxBytes: number,
  ) {}

  /** To be called when a text was loaded or has changed. */
  check({ id, text }: LoadedDocument): void {
    if (text === undefined || this.#reported.has(text)) return;
    const bytes = this.core.stateSize(text.handle);
    if (bytes <= this.maxBytes * WARN_AT) return;
    this.#reported.add(text);
    this.metrics.largeTexts.add(1);
    this.log.warn({ documentId: id, bytes, maxBytes: this.maxBytes }, 'a text is nearly full (SYNC_MAX_TEXT_BYTES)');
  }
}
