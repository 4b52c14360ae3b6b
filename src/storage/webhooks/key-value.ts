/** What is known of deliveries, on a store of keys and values: the embedded one, or memory. */
import type { KeyValueStore, Records } from '../accounts/key-value.js';
import type { DeliveryState, DeliveryStep, DeliveryStore, FailedEvent, Lease } from './port.js';

interface StoredLease {
  readonly holder: string;
  /** In ms since the epoch: the processes are of one host. */
  readonly until: number;
}

/** What the record of an event takes in the file, in bytes, at most. */
const RECORD_BYTES = 64 * 1024;

/**
 * The records, by key:
 *
 *     lease  cursor  revision  failed:<document>  dead:<document>
 */
export class KeyValueDeliveries implements DeliveryStore {
  readonly #store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  lease(holder: string, ms: number): Promise<Lease> {
    return this.#store.transact((records) => {
      const isHeld = isFree(records, holder);
      if (isHeld) records.put('lease', { holder, until: Date.now() + ms } satisfies StoredLease);
      const dead = Array.from(records.range('dead:')).length;
      return { isHeld, revision: Number(records.get('revision') ?? 0), dead };
    });
  }

  release(holder: string): Promise<void> {
    return this.#store.transact((records) => {
      if (isFree(records, holder)) records.remove('lease');
    });
  }

  begin(cursor: string): Promise<void> {
    return this.#store.transact((records) => {
      if (records.get('cursor') === undefined) records.put('cursor', cursor);
    });
  }

  async cursor(): Promise<string | undefined> {
    return this.#store.committed.get('cursor') as string | undefined;
  }

  async load(): Promise<DeliveryState> {
    const { committed } = this.#store;
    return {
      cursor: committed.get('cursor') as string | undefined,
      failed: eventsIn(committed, 'failed:'),
    };
  }

  save(holder: string, { cursor, failed, dead, done }: DeliveryStep, maxDead: number): Promise<boolean> {
    const bytes = (1 + failed.length + dead.length + done.length) * RECORD_BYTES;
    return this.#store.transact((records) => {
      if (!isFree(records, holder)) return false;
      if (cursor !== undefined) records.put('cursor', cursor);
      for (const documentId of done) forget(records, documentId);
      for (const event of failed) {
        forget(records, event.documentId);
        records.put(`failed:${event.documentId}`, event);
      }
      for (const event of dead) {
        forget(records, event.documentId);
        records.put(`dead:${event.documentId}`, event);
      }
      if (dead.length > 0) {
        const all = eventsIn(records, 'dead:').sort((a, b) => a.nextAt - b.nextAt);
        for (const event of all.slice(0, Math.max(0, all.length - maxDead))) forget(records, event.documentId);
      }
      return true;
    }, bytes);
  }

  async dead(after: string, limit: number): Promise<FailedEvent[]> {
    const found: FailedEvent[] = [];
    for (const { value } of this.#store.committed.range('dead:', `dead:${after}`)) {
      if (found.push(value as FailedEvent) >= limit) break;
    }
    return found;
  }

  retry(documentId: string | undefined): Promise<number> {
    return this.#store.transact((records) => {
      const wanted = eventsIn(records, 'dead:').filter(
        (event) => documentId === undefined || event.documentId === documentId,
      );
      for (const event of wanted) {
        records.remove(`dead:${event.documentId}`);
        records.put(`failed:${event.documentId}`, { ...event, attempts: 0, nextAt: 0 } satisfies FailedEvent);
      }
      if (wanted.length > 0) records.put('revision', Number(records.get('revision') ?? 0) + 1);
      return wanted.length;
    }, RECORD_BYTES * 100);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function isFree(records: Pick<Records, 'get'>, holder: string): boolean {
  const lease = records.get('lease') as StoredLease | undefined;
  return lease === undefined || lease.holder === holder || lease.until < Date.now();
}

function forget(records: Records, documentId: string): void {
  records.remove(`failed:${documentId}`);
  records.remove(`dead:${documentId}`);
}

function eventsIn(records: Pick<Records, 'range'>, prefix: string): FailedEvent[] {
  return Array.from(records.range(prefix), ({ value }) => value as FailedEvent);
}
