/** What the routes about snapshots need. Everything rejects with a ProtocolError. */
import type { DocumentRead, DocumentReadHead, DocumentWrite } from '../../messages/document-request.js';
import type { Snapshot, SnapshotInfo } from '../../storage/snapshots/port.js';

/** Who makes or restores a snapshot: reads and writes the document. */
export interface SnapshotClient {
  read(documentId: string, request: DocumentRead): Promise<DocumentReadHead & { readonly body: Buffer }>;
  write(documentId: string, head: DocumentWrite, body: Buffer): Promise<void>;
}

/** For the audit log. */
export interface SnapshotActor {
  readonly userId: string;
  readonly address: string;
  readonly requestId: string;
}

export interface SnapshotsPort {
  create(client: SnapshotClient, documentId: string, actor: SnapshotActor): Promise<SnapshotInfo>;
  /** The last one first. */
  list(documentId: string, limit: number): Promise<SnapshotInfo[]>;
  find(id: string): Promise<SnapshotInfo>;
  latest(documentId: string): Promise<Snapshot>;
  get(info: SnapshotInfo): Promise<Snapshot>;
  /** Resolves when the document is as the snapshot says, and durable. */
  restore(client: SnapshotClient, info: SnapshotInfo, actor: SnapshotActor): Promise<void>;
  remove(info: SnapshotInfo, actor: SnapshotActor): Promise<void>;
}
