import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { Bus, BusEvents } from '../cluster/port.js';
import type { KeepsHistory } from '../messages/history.js';
import type { LongStrings } from '../protocol/json/long-string.js';
import type { ShardMetrics } from '../metrics/shard-metrics.js';
import type { CommitsOptions } from './commit/commits.js';
import type { Storage } from '../storage/port.js';
import type { MergeLimits } from './fields/merge.js';
import type { Schemas } from '../validation/schemas.js';
import type { TombstoneLimits } from './tombstones/tombstones.js';

/** What a shard is made of, and its bounds. */
export interface ShardOptions {
  readonly core: FieldsStore;
  readonly texts: TextStore;
  /** For the messages that carry states; without it they are read like all others. */
  readonly strings?: LongStrings | undefined;
  readonly storage: Storage;
  readonly log: Logger;
  readonly metrics: ShardMetrics;
  /** Opens the bus, if there is a cluster. */
  readonly openBus?: ((events: BusEvents) => Bus) | undefined;
  /** Between two comparisons of documents with the storage, in ms; without a bus there are none. */
  readonly compareMs: number;
  /** Sends an answer, in the format of answer.ts, to the acceptor. */
  readonly send: (answer: Uint8Array<ArrayBuffer>) => void;
  /** Whether this shard takes the place of one whose worker died. */
  readonly isReplacement: boolean;
  /** Stands for writers that name no client id. */
  readonly nodeId: string;
  readonly maxClockSkewMs: number;
  /** Arrays and objects that may be around each other in a value. */
  readonly maxValueDepth: number;
  readonly limits: MergeLimits;
  /** What may be written into fields, if not everything. */
  readonly schemas?: Pick<Schemas, 'reasonAgainst'> | undefined;
  /** Undefined when no history is kept. */
  readonly keepsHistory?: KeepsHistory;
  readonly tombstones: TombstoneLimits;
  /** Bytes of the state of a text. */
  readonly maxTextBytes: number;
  /** Longest time to compare a text with what takes its place, in ms. */
  readonly textDiffMs: number;
  readonly replayMaxFields: number;
  readonly publish: CommitsOptions['publish'];
  /** As `gatherMs` in CommitterOptions. */
  readonly commitGatherMs: number;
  /** Bytes of the states of large documents that are kept while they are read. */
  readonly maxSnapshotBytes: number;
  /** Bytes of changes waiting to be durable, above which writes are refused. */
  readonly maxPendingBytes: number;
  /** Time after which a commit that still runs makes the storage count as failing, in ms. */
  readonly stallMs: number;
  /** Bytes of documents in memory, above which idle ones are unloaded. */
  readonly maxLoadedBytes: number;
  /** Fields of which it is remembered to whom they were sent. */
  readonly maxEchoFields: number;
}
