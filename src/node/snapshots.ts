/** The part of a node that has to do with snapshots: their storage, who makes them, and the schedule. */
import type { DocumentRequests } from '../acceptor/http/document-requests.js';
import type { AuditLog } from '../auth/audit.js';
import type { Config } from '../config/load.js';
import { ProtocolError } from '../errors.js';
import { BodyMemory } from '../http/body.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { SnapshotSchedule } from '../snapshots/schedule.js';
import { SnapshotThread } from '../snapshots/snapshot-thread.js';
import { Snapshots } from '../snapshots/snapshots.js';

export interface NodeSnapshotsOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: AcceptorMetrics;
  readonly audit: AuditLog['write'];
  readonly documents: () => Pick<DocumentRequests, 'openOwn'>;
}

/** Of documents that there is nothing to be made of. */
const gone: ReadonlySet<string> = new Set(['DOCUMENT_NOT_FOUND', 'DOCUMENT_DELETED']);

export class NodeSnapshots {
  readonly store: SnapshotThread;
  readonly snapshots: Snapshots;
  readonly schedule: SnapshotSchedule;
  /** Of states on their way. */
  readonly memory: BodyMemory;
  #requests = 0;

  constructor({ config, log, metrics, audit, documents }: NodeSnapshotsOptions) {
    this.memory = new BodyMemory(config.maxSnapshotMemoryBytes);
    this.store = new SnapshotThread({ storage: config.storage, log, timeoutMs: config.httpTimeoutMs });
    const onDone = (result: string, count = 1): void => {
      metrics.snapshotEvents(result).add(count);
    };
    this.snapshots = new Snapshots({
      ...{ store: this.store, memory: this.memory, audit, onDone },
      bounds: {
        maxPerKind: config.snapshotKeep,
        maxDocumentBytes: config.maxSnapshotDocumentBytes,
        maxBytes: config.maxStoredSnapshotBytes,
      },
    });
    this.schedule = new SnapshotSchedule({
      ...{ log, onDone },
      intervalMs: config.snapshotIntervalMs,
      everyWrites: config.snapshotEveryWrites,
      maxAgeMs: config.snapshotMaxAgeMs,
      maxWaiting: config.maxSnapshotWaiting,
      create: (documentId) => this.#create(documents(), documentId),
      removeOlder: (createdBefore, limit) => this.store.removeOlder(createdBefore, limit),
    });
  }

  async close(): Promise<void> {
    await this.schedule.stop();
    await this.store.close();
  }

  async #create(documents: Pick<DocumentRequests, 'openOwn'>, documentId: string): Promise<void> {
    const client = documents.openOwn();
    try {
      await this.snapshots.createAutomatic(client, documentId, `snapshot-${++this.#requests}`);
    } catch (error) {
      // What was written was refused, or the document has been deleted or erased.
      if (!(error instanceof ProtocolError && gone.has(error.code))) throw error;
    } finally {
      client.close();
    }
  }
}
