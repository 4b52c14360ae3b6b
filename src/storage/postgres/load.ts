/** Loads from Postgres: documents that are requested at the same time are read by one statement. */

import { setImmediate } from 'node:timers/promises';
import type { FieldRow, StoredDocument, TextUpdate } from '../port.js';
import type { Connections } from './connection/connection.js';
import type { Horizon } from '../horizon.js';
import { horizonOfRow, type HorizonRow } from './purge.js';
import { loadStatement, type LoadedField, type LoadedRow } from './statements.js';

/** A document that is requested and not being read yet. */
interface Wanted {
  readonly documentId: string;
  readonly waiting: {
    readonly resolve: (document: StoredDocument) => void;
    readonly reject: (reason: unknown) => void;
  }[];
}

/** What was read of a document so far. */
interface LoadedRows {
  stamp: number;
  commits: number;
  readonly fields: FieldRow[];
  readonly text: TextUpdate[];
  horizon?: Horizon;
  deletedAt?: number;
  erasedAt?: number;
}

/** Documents of one statement at most. */
const documentsPerLoad = 64;
/** Rows that are converted before the load yields to the event loop. */
const rowsPerTurn = 5_000;

/**
 * Batches loads. Requests of one turn of the event loop, and those that come while `maxLoads` statements run, form
 * batches of up to 64 documents, each one statement and so one snapshot. When a statement fails, all requests of its
 * batch reject with its DatabaseError.
 */
export class Loader {
  readonly #connections: Pick<Connections, 'use'>;
  readonly #maxLoads: number;
  readonly #wanted = new Map<string, Wanted>();
  readonly #running = new Set<Promise<void>>();

  /** @param maxLoads Statements that run at a time; each uses a connection. At least 1. */
  constructor(connections: Pick<Connections, 'use'>, maxLoads: number) {
    this.#connections = connections;
    this.#maxLoads = maxLoads;
  }

  /**
   * Loads a document; one that was never written is empty, with stamp 0. Requests of the same document share a read that
   * has not started, but never join a running one: that may be older than what the caller knows to be committed. Each
   * caller gets bytes of its own.
   *
   * @throws DatabaseError
   */
  load(documentId: string): Promise<StoredDocument> {
    return new Promise((resolve, reject) => {
      let wanted = this.#wanted.get(documentId);
      if (wanted === undefined) {
        wanted = { documentId, waiting: [] };
        this.#wanted.set(documentId, wanted);
        if (this.#wanted.size === 1) {
          queueMicrotask(() => {
            this.#start();
          });
        }
      }
      wanted.waiting.push({ resolve, reject });
    });
  }

  /** Resolves when no load is waiting or running. */
  async idle(): Promise<void> {
    while (this.#wanted.size > 0 || this.#running.size > 0) {
      await Promise.all(this.#running);
      await setImmediate();
    }
  }

  #start(): void {
    while (this.#wanted.size > 0 && this.#running.size < this.#maxLoads) {
      const batch = [...this.#wanted.values()].slice(0, documentsPerLoad);
      for (const { documentId } of batch) this.#wanted.delete(documentId);
      const running = this.#run(batch).finally(() => {
        this.#running.delete(running);
        this.#start();
      });
      this.#running.add(running);
    }
  }

  async #run(batch: readonly Wanted[]): Promise<void> {
    let documents: ReadonlyMap<string, StoredDocument>;
    try {
      documents = await this.#read(batch.map(({ documentId }) => documentId));
    } catch (error) {
      for (const { waiting } of batch) for (const { reject } of waiting) reject(error);
      return;
    }
    for (const { documentId, waiting } of batch) {
      const document = documents.get(documentId) ?? { stamp: 0, commits: 0, fields: [], text: [] };
      waiting.forEach(({ resolve }, i) => {
        resolve(i === 0 ? document : copyOf(document));
      });
    }
  }

  async #read(documentIds: readonly string[]): Promise<ReadonlyMap<string, StoredDocument>> {
    const rows = await this.#connections.use((connection) => connection.query(loadStatement(documentIds)));
    const documents = new Map<string, LoadedRows>();
    for (const [i, row] of (rows as unknown as readonly LoadedRow[]).entries()) {
      if (i % rowsPerTurn === rowsPerTurn - 1) await setImmediate();
      const documentId = row[1];
      let document = documents.get(documentId);
      if (document === undefined)
        documents.set(documentId, (document = { stamp: 0, commits: 0, fields: [], text: [] }));
      switch (row[0]) {
        case 0:
          document.stamp = row[2];
          document.commits = row[6];
          if (row[4] !== null) document.horizon = horizonOfRow(JSON.parse(row[4]) as HorizonRow);
          if (row[7] !== null) document.deletedAt = row[7];
          if (row[9] !== null) document.erasedAt = row[9];
          break;
        case 1:
          document.fields.push(fieldOf(row));
          break;
        case 2:
          document.text.push({ id: row[3], bytes: row[10] });
      }
    }
    for (const { text } of documents.values()) text.sort((a, b) => (a.id < b.id ? -1 : 1));
    return documents;
  }
}

function fieldOf([, , stamp, path, value, deleted, timestamp, counter, clientId, commit]: LoadedField): FieldRow {
  return { path, value, deleted, timestamp, counter, clientId, stamp, commit };
}

/** A copy with bytes of its own. */
function copyOf({ text, ...rest }: StoredDocument): StoredDocument {
  return { ...rest, text: text.map(({ id, bytes }) => ({ id, bytes: new Uint8Array(bytes) })) };
}
