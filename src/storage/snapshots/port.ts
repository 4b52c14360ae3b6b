/**
 * The port to the snapshots of documents: what a document was at some time, to be looked at and to be restored. Times are
 * in ms since the epoch. All methods reject when the storage fails, and what they have written is durable when they
 * resolve. One contract suite (test/contract/snapshots.ts) runs against every adapter.
 */

/** What is known of a snapshot besides its state. */
export interface SnapshotInfo {
  /** Unique, and not to be guessed. */
  readonly id: string;
  readonly documentId: string;
  /** The vector clock of the document. */
  readonly version: Readonly<Record<string, number>>;
  /** Of its state. */
  readonly sizeBytes: number;
  readonly createdAt: number;
  /** Whether the server has made it by itself. */
  readonly isAutomatic: boolean;
  /** The entity tag of the document. */
  readonly tag: string;
}

export interface Snapshot extends SnapshotInfo {
  /** JSON in UTF-8, kept byte by byte. */
  readonly state: Uint8Array;
}

export interface SnapshotBounds {
  /** Snapshots that a document may have of each kind, automatic or not; the oldest are removed. */
  readonly maxPerKind: number;
  /** Bytes of all states of a document; the oldest are removed, automatic ones first. */
  readonly maxDocumentBytes: number;
  /** Bytes of all states; beyond it, nothing is added. */
  readonly maxBytes: number;
}

export interface SnapshotUsage {
  readonly count: number;
  readonly bytes: number;
}

export interface SnapshotStore {
  /** @returns False when there is no room for it. */
  add(snapshot: Snapshot, bounds: SnapshotBounds): Promise<boolean>;
  /** The newest of a document, the last one first. */
  list(documentId: string, limit: number): Promise<SnapshotInfo[]>;
  latest(documentId: string): Promise<Snapshot | undefined>;
  find(id: string): Promise<SnapshotInfo | undefined>;
  get(id: string): Promise<Snapshot | undefined>;
  /** @returns Whether there was one. */
  remove(id: string): Promise<boolean>;
  /** Removes all snapshots of a document. @returns How many there were. */
  removeAll(documentId: string): Promise<number>;
  /** Removes automatic snapshots that are older, the oldest first. @returns How many, at most as many as the limit. */
  removeOlder(createdBefore: number, limit: number): Promise<number>;
  usage(): Promise<SnapshotUsage>;
  close(): Promise<void>;
}

/**
 * Which snapshots of a document make room for another one.
 *
 * @param existing The oldest first.
 */
export function surplus<Info extends Pick<SnapshotInfo, 'sizeBytes' | 'isAutomatic'>>(
  existing: readonly Info[],
  added: Pick<SnapshotInfo, 'sizeBytes' | 'isAutomatic'>,
  { maxPerKind, maxDocumentBytes }: SnapshotBounds,
): Info[] {
  const ofKind = existing.filter(({ isAutomatic }) => isAutomatic === added.isAutomatic);
  const removed = new Set(ofKind.slice(0, Math.max(0, ofKind.length - maxPerKind + 1)));
  const left = existing.filter((info) => !removed.has(info));
  let bytes = left.reduce((sum, { sizeBytes }) => sum + sizeBytes, added.sizeBytes);
  const inOrder = [...left.filter(({ isAutomatic }) => isAutomatic), ...left.filter((info) => !info.isAutomatic)];
  for (const info of inOrder) {
    if (bytes <= maxDocumentBytes) break;
    removed.add(info);
    bytes -= info.sizeBytes;
  }
  return [...removed];
}
