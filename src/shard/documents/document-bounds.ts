import type { TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Committed, DocumentChange } from '../../storage/port.js';
import type { PublishGate } from '../commit/publish-gate.js';
import type { LoadedDocument } from './documents.js';
import type { Outbox } from '../outbox.js';
import { LargeTexts } from '../text/large-texts.js';
import { publishRemoved } from '../tombstones/publish-removed.js';
import { Tombstones, type TombstonesOptions } from '../tombstones/tombstones.js';

export interface DocumentBoundsOptions extends Omit<TombstonesOptions, 'limits' | 'publishRemoved'> {
  readonly tombstones: TombstonesOptions['limits'];
  readonly texts: Pick<TextStore, 'stateSize'>;
  readonly log: Logger;
  readonly metrics: TombstonesOptions['metrics'] & Pick<ShardMetrics, 'largeTexts'>;
  /** Bytes of the state of a text. */
  readonly maxTextBytes: number;
  readonly outbox: Outbox;
  readonly gate: Pick<PublishGate, 'showFields'>;
  /** Gives a document a fresh L. */
  readonly nextStamp: (document: LoadedDocument) => number;
}

/** What is looked at when a document was loaded or has changed: it may have outgrown a bound, or may soon. */
export class DocumentBounds {
  readonly #tombstones: Tombstones;
  readonly #largeTexts: LargeTexts;

  constructor(options: DocumentBoundsOptions) {
    const { outbox, gate, nextStamp } = options;
    this.#tombstones = new Tombstones({
      ...options,
      limits: options.tombstones,
      publishRemoved: (document, paths) => {
        const stamp = nextStamp(document);
        gate.showFields(document, {
          paths,
          send: (isShown) => {
            publishRemoved(outbox, document, paths.filter(isShown), stamp);
          },
        });
      },
    });
    this.#largeTexts = new LargeTexts(options.texts, options.log, options.metrics, options.maxTextBytes);
  }

  check(document: LoadedDocument): void {
    this.#tombstones.check(document, Date.now());
    this.#largeTexts.check(document);
  }

  /** To be called before others learn of the commit. */
  committed(changes: readonly DocumentChange[], committed: Committed): void {
    this.#tombstones.committed(changes, committed, Date.now());
  }
}
