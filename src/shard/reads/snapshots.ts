import type { FieldsStore, TextStore } from '@synckit/core-wasm';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { LoadedDocument } from '../documents/documents.js';

export interface SnapshotsOptions {
  readonly core: Pick<FieldsStore, 'state' | 'version'>;
  readonly texts: Pick<TextStore, 'state' | 'version'>;
  readonly metrics: Pick<ShardMetrics, 'snapshots'>;
  /** Bytes of states that are kept. */
  readonly maxSnapshotBytes: number;
}

interface Kept {
  /** Of the document when the state was made. */
  readonly version: number;
  readonly bytes: Uint8Array;
  /** In ms of the monotonic clock. */
  readonly usedAt: number;
}

type Part = 'fields' | 'text';

/** Smaller states are made again each time: that takes hardly longer than to copy them. */
const MIN_BYTES = 64 * 1024;
/** For so long after its last use a state is kept, in ms. */
const KEPT_MS = 2_000;

/** States of documents as bytes. That of a large document is made once for all who ask before it changes. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** By document and part, as `keyOf` has it; the least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The fields as one JSON object in UTF-8. The bytes may be kept, so they must not be changed or transferred. */
  fields(document: LoadedDocument): Uint8Array {
    const { core } = this.#options;
    const { handle } = document;
    return this.#get(document, 'fields', core.version(handle), () => core.state(handle));
  }

  /** The state of a text of the document, as the inside of a JSON string; the same holds for these bytes. */
  text(document: LoadedDocument, handle: number): Uint8Array {
    const { texts } = this.#options;
    return this.#get(document, 'text', texts.version(handle), () => texts.state(handle, true));
  }

  /** Keeps nothing of a document that is unloaded. */
  forget({ id }: LoadedDocument): void {
    this.#drop(keyOf(id, 'fields'));
    this.#drop(keyOf(id, 'text'));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #get({ id }: LoadedDocument, part: Part, version: number, make: () => Uint8Array): Uint8Array {
    const key = keyOf(id, part);
    const kept = this.#kept.get(key);
    this.#drop(key);
    const isCurrent = kept?.version === version;
    const bytes = isCurrent ? kept.bytes : make();
    this.#options.metrics.snapshots(isCurrent ? 'shared' : 'made').add(1);
    if (bytes.length >= MIN_BYTES && bytes.length <= this.#options.maxSnapshotBytes) this.#keep(key, version, bytes);
    return bytes;
  }

  #keep(key: string, version: number, bytes: Uint8Array): void {
    this.#kept.set(key, { version, bytes, usedAt: performance.now() });
    this.#bytes += bytes.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#options.maxSnapshotBytes) break;
      this.#drop(oldest);
    }
    this.#timer ??= setTimeout(this.#dropUnused, KEPT_MS).unref();
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes.length;
  }

  readonly #dropUnused = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (const [key, { usedAt }] of this.#kept) {
      if (now - usedAt < KEPT_MS) {
        this.#timer = setTimeout(this.#dropUnused, KEPT_MS).unref();
        return;
      }
      this.#drop(key);
    }
  };
}

function keyOf(documentId: string, part: Part): string {
  return `${part} ${documentId}`;
}
