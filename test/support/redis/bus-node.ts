/** A small node of a cluster: documents of greatest numbers, a storage that all share, and a bus. */
import type { Bus, BusEvents, DocumentUpdate } from '../../../src/cluster/port.js';
import { updatedField } from './bus-recorder.js';

type Fields = ReadonlyMap<string, number>;

/** What all nodes have committed; it answers late, with what it held when it was asked. */
export class SharedStorage {
  readonly #documents = new Map<string, Map<string, number>>();
  loads = 0;

  commit(documentId: string, path: string, value: number): void {
    const fields = this.#documents.get(documentId) ?? new Map<string, number>();
    this.#documents.set(documentId, fields);
    merge(fields, path, value);
  }

  async load(documentId: string): Promise<Fields> {
    this.loads++;
    const found = new Map(this.#documents.get(documentId));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return found;
  }

  /** What a document holds now. */
  peek(documentId: string): Fields {
    return this.#documents.get(documentId) ?? new Map<string, number>();
  }
}

export class BusNode implements BusEvents {
  readonly #storage: SharedStorage;
  readonly #documents = new Map<string, Map<string, number>>();
  /** Documents that are loaded, and whether that has to be done once more. */
  readonly #loading = new Map<string, { again: boolean }>();
  readonly #random: () => number;
  bus: Bus | undefined;

  /** @param random Of the numbers that are written. */
  constructor(storage: SharedStorage, random: () => number) {
    this.#storage = storage;
    this.#random = random;
  }

  write(documentId: string, path: string): void {
    const value = this.#random();
    merge(this.#fields(documentId), path, value);
    this.#storage.commit(documentId, path, value);
    const fields = [updatedField({ path, value: String(value) })];
    this.bus?.publish({ documentId, stamp: 1, fields, text: undefined, relays: [], commit: 0 });
  }

  /** Whether all documents are what the storage holds. */
  isCurrent(documentIds: readonly string[]): boolean {
    return documentIds.every((documentId) => {
      const [own, stored] = [this.#fields(documentId), this.#storage.peek(documentId)];
      return own.size === stored.size && [...stored].every(([path, value]) => own.get(path) === value);
    });
  }

  onUpdate({ documentId, fields }: DocumentUpdate): void {
    for (const { path, value } of fields) merge(this.#fields(documentId), path, Number(value));
  }

  onResyncNeeded(documentIds: readonly string[]): void {
    for (const documentId of documentIds) {
      const running = this.#loading.get(documentId);
      if (running === undefined) void this.#load(documentId);
      else running.again = true;
    }
  }

  onStatus(): void {
    // Nothing depends on it.
  }

  onAwareness(): void {
    // These nodes know documents only.
  }

  onAwarenessActive(): void {
    // These nodes know documents only.
  }

  async #load(documentId: string): Promise<void> {
    const state = { again: true };
    this.#loading.set(documentId, state);
    while (state.again) {
      state.again = false;
      for (const [path, value] of await this.#storage.load(documentId)) merge(this.#fields(documentId), path, value);
    }
    this.#loading.delete(documentId);
  }

  #fields(documentId: string): Map<string, number> {
    const fields = this.#documents.get(documentId) ?? new Map<string, number>();
    this.#documents.set(documentId, fields);
    return fields;
  }
}

function merge(fields: Map<string, number>, path: string, value: number): void {
  fields.set(path, Math.max(value, fields.get(path) ?? 0));
}
