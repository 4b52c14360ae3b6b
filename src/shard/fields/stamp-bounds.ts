/**
 * The door for stamps that others gave: an L that no clock can have come to would make the document's next one no exact
 * number, which no storage takes, and would keep the document in memory for ever.
 */
import type { Logger } from 'pino';
import type { DocumentUpdate } from '../../cluster/port.js';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Horizon } from '../../storage/horizon.js';
import type { Committed, DocumentChange, Storage, StoredDocument } from '../../storage/port.js';
import { isPossibleStamp, ticksOf } from './stamp.js';

export interface StampBoundsOptions {
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: Pick<ShardMetrics, 'impossibleStamps'>;
}

/** Whether all stamps of what another node committed may be true. */
export function hasPossibleStamps({ stamp, fields, horizon }: DocumentUpdate): boolean {
  return (
    isPossibleStamp(stamp) &&
    (horizon === undefined || isPossibleStamp(horizon.stamp)) &&
    fields.every((field) => isPossibleStamp(field.stamp))
  );
}

/** A storage as it is, but that documents are loaded without impossible stamps: the present time takes their place. */
export class StampBoundedStorage implements Storage {
  readonly durable: boolean;
  readonly reasonAgainst?: NonNullable<Storage['reasonAgainst']>;
  readonly #options: StampBoundsOptions;

  constructor(options: StampBoundsOptions) {
    const { storage } = options;
    this.#options = options;
    this.durable = storage.durable;
    if (storage.reasonAgainst !== undefined) this.reasonAgainst = storage.reasonAgainst.bind(storage);
  }

  get isLost(): boolean {
    return this.#options.storage.isLost;
  }

  get lifecycle(): Storage['lifecycle'] {
    return this.#options.storage.lifecycle;
  }

  get history(): Storage['history'] {
    return this.#options.storage.history;
  }

  async load(documentIds: readonly string[]): Promise<StoredDocument[]> {
    const stored = await this.#options.storage.load(documentIds);
    return stored.map((document, i) => (isPossible(document) ? document : this.#bound(documentIds[i] ?? '', document)));
  }

  async commit(changes: readonly DocumentChange[]): Promise<Committed> {
    const committed = await this.#options.storage.commit(changes);
    const { horizons } = committed;
    if (horizons === undefined || [...horizons.values()].every(({ stamp }) => isPossibleStamp(stamp))) return committed;
    const bounded = Array.from(horizons, ([id, horizon]) => [id, boundHorizon(horizon)] as const);
    const { refused, numbers, expired, recorded } = committed;
    return { refused, numbers, expired, recorded, horizons: new Map(bounded) };
  }

  lastCommits(documentIds: readonly string[]): Promise<number[]> {
    return this.#options.storage.lastCommits(documentIds);
  }

  close(): Promise<void> {
    return this.#options.storage.close();
  }

  #bound(documentId: string, document: StoredDocument): StoredDocument {
    const { log, metrics } = this.#options;
    log.error({ documentId }, 'a document has a stamp in the storage that no clock can have given; it counts as now');
    metrics.impossibleStamps('storage').add(1);
    const fields = document.fields.map((row) => ({ ...row, stamp: boundStamp(row.stamp) }));
    const { horizon } = document;
    const bounded = { ...document, stamp: boundStamp(document.stamp), fields };
    return horizon === undefined ? bounded : { ...bounded, horizon: boundHorizon(horizon) };
  }
}

function boundStamp(stamp: number): number {
  return isPossibleStamp(stamp) ? stamp : ticksOf(Date.now());
}

function boundHorizon(horizon: Horizon): Horizon {
  return isPossibleStamp(horizon.stamp) ? horizon : { ...horizon, stamp: boundStamp(horizon.stamp) };
}

function isPossible({ stamp, fields, horizon }: StoredDocument): boolean {
  if (!isPossibleStamp(stamp) || (horizon !== undefined && !isPossibleStamp(horizon.stamp))) return false;
  return fields.every((row) => isPossibleStamp(row.stamp));
}
