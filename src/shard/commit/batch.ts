import { ProtocolError, type ErrorCode } from '../../errors.js';
import type { Origin } from '../../messages/task.js';
import { mergeHorizons, type Horizon, type Purge } from '../../storage/horizon.js';
import type { DocumentChange, FieldRow, TextChange } from '../../storage/port.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { Held } from '../outbox.js';
import type { OpenGroup } from '../open-task.js';
import type { WriteKey } from './dirty-fields.js';
import { sizeOf } from './row-size.js';

/** An ack that is owed once everything merged before it is durable. */
export interface PendingAck {
  readonly origin: Origin;
  readonly messageId: string | undefined;
  readonly documentId: string;
  /** What the message wrote into fields. */
  readonly writes: readonly WriteKey[];
  /** Whether it wrote the text. */
  readonly text: boolean;
  /** When the acceptor got the message, in ms of its monotonic clock. */
  readonly receivedAt: number;
  readonly openGroup: OpenGroup;
  /** What goes to its sender before it. */
  echo: Held | undefined;
  /** Set when something that it wrote is not stored, and never will be: its sender gets this instead. */
  failure?: ProtocolError | undefined;
}

/** What one commit writes. */
export interface Batch {
  /** Grows from batch to batch; they are committed in this order. 0 for one that only joins the parts of a text. */
  readonly number: number;
  readonly rows: Map<LoadedDocument, Map<string, FieldRow>>;
  /** Texts that changed, and what of them is written: known when the batch is first given to the storage. */
  readonly texts: Map<LoadedDocument, TextChange | undefined>;
  readonly purges: Map<LoadedDocument, Purge>;
  /** Rows that others of the batch replaced, of documents with history. Undefined while there are none. */
  replaced: Map<LoadedDocument, FieldRow[]> | undefined;
  /** Owed when this batch is durable, and with it all before it. */
  acks: PendingAck[];
  count: number;
  bytes: number;
}

/** Rows and bytes of a commit: encoding and writing more would keep the thread from merging for too long. */
const MAX_ROWS = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;

export function isFull({ count, bytes }: Batch): boolean {
  return count >= MAX_ROWS || bytes >= MAX_BYTES;
}

export function newBatch(number: number): Batch {
  const maps = { rows: new Map(), texts: new Map(), purges: new Map(), replaced: undefined };
  return { number, ...maps, acks: [], count: 0, bytes: 0 };
}

/** Whether a batch has changes of a document. */
export function holds({ rows, texts, purges }: Batch, document: LoadedDocument): boolean {
  return rows.has(document) || texts.has(document) || purges.has(document);
}

/**
 * Takes a row into a batch.
 *
 * @param replaced Rows of the field that the row has replaced already, where the document has history.
 * @returns The row whose place it takes, if there is one, and by how many bytes the batch grew.
 */
export function put(
  batch: Batch,
  document: LoadedDocument,
  row: FieldRow,
  replaced?: readonly FieldRow[],
): { readonly former: FieldRow | undefined; readonly growth: number } {
  let rows = batch.rows.get(document);
  if (rows === undefined) batch.rows.set(document, (rows = new Map<string, FieldRow>()));
  const former = rows.get(row.path);
  rows.set(row.path, row);
  if (former === undefined) batch.count++;
  const growth = sizeOf(row) - (former === undefined ? 0 : sizeOf(former));
  batch.bytes += growth;
  if (!document.keepsHistory || (former === undefined && replaced === undefined)) return { former, growth };
  const added = noteReplaced(batch, document, former === undefined ? (replaced ?? []) : [...(replaced ?? []), former]);
  return { former, growth: growth + added };
}

/** @returns By how many bytes the batch grew. */
function noteReplaced(batch: Batch, document: LoadedDocument, rows: readonly FieldRow[]): number {
  batch.replaced ??= new Map();
  const others = batch.replaced.get(document);
  if (others === undefined) batch.replaced.set(document, [...rows]);
  else others.push(...rows);
  const bytes = rows.reduce((sum, row) => sum + sizeOf(row), 0);
  batch.count += rows.length;
  batch.bytes += bytes;
  return bytes;
}

/** Takes tombstones to be forgotten into a batch. @param horizon That after it. @returns By how many bytes it grew. */
export function addPurge(
  batch: Batch,
  document: LoadedDocument,
  fields: readonly FieldRow[],
  horizon: Horizon,
): number {
  const former = batch.purges.get(document);
  batch.purges.set(document, {
    fields: [...(former?.fields ?? []), ...fields],
    horizon: mergeHorizons(former?.horizon, horizon) ?? horizon,
  });
  const growth = fields.reduce((sum, row) => sum + sizeOf(row), 0);
  batch.count += fields.length;
  batch.bytes += growth;
  return growth;
}

/** The messages behind some acks are not stored as a whole. An ack may be owed in a later batch than its first row. */
export function fail(
  acks: readonly PendingAck[],
  documentId: string,
  concerns: (ack: PendingAck) => boolean,
  code: ErrorCode,
  reason: string,
): void {
  for (const ack of acks) {
    if (ack.documentId === documentId && concerns(ack)) ack.failure ??= new ProtocolError(code, reason);
  }
}

/** Writes nothing of a text with a batch that has not been written yet. */
export function dropText({ texts }: Batch, document: LoadedDocument): void {
  if (texts.has(document)) texts.set(document, { append: [], replaces: [] });
}

/** Whether two are the same write, as far as that can be told without the value. */
export function isSame(a: WriteKey, b: WriteKey): boolean {
  return a.path === b.path && a.timestamp === b.timestamp && a.counter === b.counter && a.clientId === b.clientId;
}

/**
 * What the storage is given of a batch.
 *
 * @param nextTextUpdate As in CommitterOptions.
 */
export function changesOf(
  { rows, texts, purges, replaced }: Batch,
  nextTextUpdate: (document: LoadedDocument) => TextChange,
): DocumentChange[] {
  for (const [document, change] of texts) {
    // A batch that is tried again writes the same updates again.
    if (change === undefined) texts.set(document, nextTextUpdate(document));
  }
  const documents = texts.size + purges.size === 0 ? rows.keys() : allOf(rows, texts, purges);
  return Array.from(documents, (document) => ({
    documentId: document.id,
    stamp: document.stamp,
    fields: [...(rows.get(document)?.values() ?? [])],
    text: updateOf(texts.get(document)),
    purge: purges.get(document),
    ...(document.keepsHistory ? { replaced: replaced?.get(document) ?? [] } : undefined),
  }));
}

function allOf(...parts: readonly ReadonlyMap<LoadedDocument, unknown>[]): Set<LoadedDocument> {
  return new Set(parts.flatMap((part) => [...part.keys()]));
}

/** A text that is in two batches is written with the first as it is then, so the second may have nothing left. */
function updateOf(change: TextChange | undefined): TextChange | undefined {
  return change === undefined || change.append.length === 0 ? undefined : change;
}
