/** Makes, restores and removes snapshots of documents. */
import { randomUUID } from 'node:crypto';
import type { AuditDetails, AuditEvent } from '../auth/audit.js';
import { LimitError, ProtocolError } from '../errors.js';
import type { SnapshotActor, SnapshotClient, SnapshotsPort } from '../http/snapshots/ports.js';
import type { DocumentReadHead } from '../messages/document-request.js';
import type { Snapshot, SnapshotBounds, SnapshotInfo, SnapshotStore } from '../storage/snapshots/port.js';

export interface SnapshotsOptions {
  readonly store: SnapshotStore;
  readonly bounds: SnapshotBounds;
  /** Of states that are on their way between the storage and a document or a client. */
  readonly memory: StateMemory;
  readonly audit: (event: AuditEvent, details: AuditDetails) => void;
  readonly onDone: (result: SnapshotResult) => void;
}

export interface StateMemory {
  /** @returns False, with nothing taken, when there is no room. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

export type SnapshotResult =
  'created' | 'automatic' | 'unchanged' | 'full' | 'restored' | 'removed' | 'expired' | 'failed';

const ids = /^[\w-]{1,64}$/;

export class Snapshots implements SnapshotsPort {
  readonly #options: SnapshotsOptions;
  /** Of the last one: the times of two differ. */
  #lastTime = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  async create(client: SnapshotClient, documentId: string, actor: SnapshotActor): Promise<SnapshotInfo> {
    const { audit, onDone } = this.#options;
    const { body, ...head } = await client.read(documentId, { requestId: actor.requestId, part: 'snapshot' });
    const info = await this.#add(documentId, head, body, false);
    audit('snapshot_created', { ...about(actor), target: documentId, change: { snapshot: info.id } });
    onDone('created');
    return info;
  }

  /** Makes one unless the document is as it was at the last one. */
  async createAutomatic(client: SnapshotClient, documentId: string, requestId: string): Promise<void> {
    const { store, onDone } = this.#options;
    const [last] = await store.list(documentId, 1);
    const ifNoneMatch = last === undefined ? undefined : [last.tag];
    const { body, ...head } = await client.read(documentId, { requestId, part: 'snapshot', ifNoneMatch });
    if (head.isKnown) {
      onDone('unchanged');
      return;
    }
    await this.#add(documentId, head, body, true);
    onDone('automatic');
  }

  list(documentId: string, limit: number): Promise<SnapshotInfo[]> {
    return this.#options.store.list(documentId, limit);
  }

  async find(id: string): Promise<SnapshotInfo> {
    const info = ids.test(id) ? await this.#options.store.find(id) : undefined;
    if (info === undefined) throw new ProtocolError('SNAPSHOT_NOT_FOUND');
    return info;
  }

  async latest(documentId: string): Promise<Snapshot> {
    const [info] = await this.#options.store.list(documentId, 1);
    if (info === undefined) throw new ProtocolError('NO_SNAPSHOTS');
    return this.get(info);
  }

  get(info: SnapshotInfo): Promise<Snapshot> {
    return this.#holding(info.sizeBytes, async () => {
      const snapshot = await this.#options.store.get(info.id);
      // Removed meanwhile.
      if (snapshot === undefined) throw new ProtocolError('SNAPSHOT_NOT_FOUND');
      return snapshot;
    });
  }

  async restore(client: SnapshotClient, info: SnapshotInfo, actor: SnapshotActor): Promise<void> {
    const { audit, onDone } = this.#options;
    await this.#holding(info.sizeBytes, async () => {
      const { state } = await this.get({ ...info, sizeBytes: 0 });
      const body = Buffer.from(state.buffer, state.byteOffset, state.byteLength);
      await client.write(info.documentId, { form: 'restore' }, body);
    });
    audit('snapshot_restored', { ...about(actor), target: info.documentId, change: { snapshot: info.id } });
    onDone('restored');
  }

  async remove(info: SnapshotInfo, actor: SnapshotActor): Promise<void> {
    const { store, audit, onDone } = this.#options;
    if (!(await store.remove(info.id))) throw new ProtocolError('SNAPSHOT_NOT_FOUND');
    audit('snapshot_removed', { ...about(actor), target: info.documentId, change: { snapshot: info.id } });
    onDone('removed');
  }

  async #add(
    documentId: string,
    { tag, clock = {} }: DocumentReadHead,
    body: Buffer,
    isAutomatic: boolean,
  ): Promise<SnapshotInfo> {
    const { store, bounds, onDone } = this.#options;
    const sizeBytes = body.length;
    this.#lastTime = Math.max(Date.now(), this.#lastTime + 1);
    const createdAt = this.#lastTime;
    const info = { id: randomUUID(), documentId, version: clock, sizeBytes, createdAt, isAutomatic, tag };
    const isAdded =
      sizeBytes <= bounds.maxDocumentBytes &&
      // In a buffer of its own, as it is transferred.
      (await this.#holding(sizeBytes, () => store.add({ ...info, state: new Uint8Array(body) }, bounds)));
    if (isAdded) return info;
    onDone('full');
    throw new ProtocolError('SNAPSHOTS_FULL');
  }

  async #holding<Result>(bytes: number, action: () => Promise<Result>): Promise<Result> {
    const { memory } = this.#options;
    if (!memory.take(bytes)) throw new LimitError('queue', 'too many snapshots are being read and written');
    try {
      return await action();
    } finally {
      memory.giveBack(bytes);
    }
  }
}

function about({ userId, address, requestId }: SnapshotActor): AuditDetails {
  return { actor: userId, address, requestId };
}
