import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Committed, DocumentChange, FieldRow, Storage, TextChange } from '../../storage/port.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { PendingAck } from './batch.js';
import type { DirtyFields } from './dirty-fields.js';
import type { StallWatchOptions } from './stall-watch.js';
import type { Forgotten } from './undo.js';

/** What a committer needs, and whom it tells. */
export interface CommitterOptions extends Pick<StallWatchOptions, 'stallMs'> {
  readonly storage: Storage;
  /** Milliseconds from the begin of a commit to that of the next, unless that is full. */
  readonly gatherMs: number;
  readonly log: Logger;
  readonly metrics: Pick<
    ShardMetrics,
    'commitTime' | 'rowsPerCommit' | 'commitFailures' | 'rowsRefused' | 'historyEntries' | 'historyBytes'
  >;
  /** Told of what batches hold, and of what becomes of it. */
  readonly dirty: DirtyFields;
  /** A row takes the place of another in the same batch. */
  readonly onReplaced: (document: LoadedDocument, path: string) => void;
  /** What changed in a text since this was last asked; it may be nothing. */
  readonly nextTextUpdate: (document: LoadedDocument) => TextChange;
  /** A part of a text was refused, and what waited of it is dropped. */
  readonly onTextRefused: (document: LoadedDocument) => void;
  /** A text to be written anew. Asked for while there is nothing else to write, and before: for one that can't wait. */
  readonly compactText: (
    isIdle: boolean,
  ) => { readonly document: LoadedDocument; readonly change: TextChange } | undefined;
  /** Takes back writes that were refused; returns fields of which a write is forgotten that should take their place. */
  readonly takeBack: (
    document: LoadedDocument,
    refused: readonly FieldRow[],
    batch: number,
    /** The number of the commit. */
    commit: number | undefined,
  ) => readonly Forgotten[];
  /** Called with fields whose rows were not stored, as they are older than what is forgotten of the document. */
  readonly onExpired: (document: LoadedDocument, paths: readonly string[], batch: number) => void;
  /** Called for each ack whose writes are durable, or have lost to one that is; and for each that failed. */
  readonly acknowledge: (ack: PendingAck) => void;
  /** Called with what is durable now. */
  readonly onCommitted: (changes: readonly DocumentChange[], committed: Committed) => void;
  /** Called before the acks of a batch: all batches up to this number are durable. */
  readonly onDurable: (batch: number) => void;
  /** Called after each commit, when acks have been released, and when one takes too long. */
  readonly afterCommit: () => void;
}
