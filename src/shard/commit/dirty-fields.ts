import type { FieldWrite } from '@synckit/core-wasm';
import { compareRows } from '../../storage/order.js';
import { sizeOf } from './row-size.js';

/** What tells a write from the others of its field, without its value. */
export type WriteKey = Pick<FieldWrite, 'path' | 'timestamp' | 'counter' | 'clientId'>;

/** A field whose value in memory is not durable. */
interface DirtyField {
  /** The greatest write that is known to be durable; undefined when there is none. */
  durable: FieldWrite | undefined;
  /** Batches that hold a write of it and are not committed. */
  batches: number;
  /** Writes that lost or were replaced and are in no batch, the greatest first. */
  readonly contenders: FieldWrite[];
  /** Whether more of these came than are kept. */
  overflowed: boolean;
}

/** What takes the place of a write that the storage refused. */
export interface Successor {
  /** A write that is not durable, to be committed now. */
  readonly contender: FieldWrite | undefined;
  /** The greatest write that is durable; undefined when there is none. */
  readonly durable: FieldWrite | undefined;
  /** Whether a contender may be missing, as too many came. */
  readonly overflowed: boolean;
}

/** Contenders of a field that are kept: so many writes of it may be refused in a row, without a commit between. */
const MAX_CONTENDERS = 16;

/**
 * What is behind the values in memory that are not durable: what is stored in their place, and the writes that lost to
 * them. When the storage refuses one, the greatest of these is what the field should have been all along.
 */
export class DirtyFields {
  /** By document id and path. */
  readonly #documents = new Map<string, Map<string, DirtyField>>();
  #bytes = 0;

  /** Bytes of what would take the place of refused writes. */
  get bytes(): number {
    return this.#bytes;
  }

  has(documentId: string, path: string): boolean {
    return this.#find(documentId, path) !== undefined;
  }

  /** A write won, and a batch will hold it. @param durable What the field was before, if the field was not dirty. */
  begin(documentId: string, path: string, durable: FieldWrite | undefined): void {
    let fields = this.#documents.get(documentId);
    if (fields === undefined) this.#documents.set(documentId, (fields = new Map<string, DirtyField>()));
    if (fields.has(path)) return;
    fields.set(path, { durable, batches: 0, contenders: [], overflowed: false });
    if (durable !== undefined) this.#bytes += sizeOf(durable);
  }

  /** A write lost, or was replaced by a greater one before any batch was given to the storage with it. */
  contend(documentId: string, write: FieldWrite): void {
    const field = this.#find(documentId, write.path);
    if (field === undefined || isSettled(field, write)) return;
    const { contenders } = field;
    let place = contenders.length;
    for (; place > 0; place--) {
      const before = contenders[place - 1];
      const order = before === undefined ? 1 : compareRows(before, write);
      if (order === 0) return;
      if (order > 0) break;
    }
    contenders.splice(place, 0, { ...write });
    this.#bytes += sizeOf(write);
    if (contenders.length <= MAX_CONTENDERS) return;
    this.#forget(contenders.pop());
    field.overflowed = true;
  }

  /** One more batch holds a write of the field. */
  batched(documentId: string, path: string): void {
    const field = this.#find(documentId, path);
    if (field !== undefined) field.batches++;
  }

  /** A batch is committed, and the write that it held is durable, or a greater one is. */
  committed(documentId: string, write: FieldWrite): void {
    const field = this.#find(documentId, write.path);
    if (field === undefined) return;
    field.batches--;
    this.#raise(field, write);
    if (field.batches === 0) this.#delete(documentId, write.path);
  }

  /** The storage has a write, which another node has committed. */
  stored(documentId: string, write: FieldWrite): void {
    const field = this.#find(documentId, write.path);
    if (field !== undefined) this.#raise(field, write);
  }

  /**
   * A batch is committed without the write that it held.
   *
   * @returns What takes its place; undefined where a later batch holds another write, which was greater. The field is
   * not dirty any more then, and `begin` makes it so.
   */
  refused(documentId: string, write: FieldWrite): Successor | undefined {
    const field = this.#find(documentId, write.path);
    if (field === undefined) return undefined;
    field.batches--;
    const same = field.contenders.findIndex((other) => compareRows(other, write) === 0);
    if (same !== -1) this.#forget(...field.contenders.splice(same, 1));
    if (field.batches > 0) return undefined;
    const { durable, overflowed } = field;
    const contender = field.contenders.shift();
    this.#forget(contender);
    if (contender === undefined) this.#delete(documentId, write.path);
    return { contender, durable, overflowed };
  }

  /** Whether it is known what becomes of a write whose batch is committed: it is durable, or has lost to one that is. */
  isSettled(documentId: string, key: WriteKey): boolean {
    const field = this.#find(documentId, key.path);
    return field === undefined || isSettled(field, key);
  }

  /** The field holds what is durable; nothing may take its place. */
  end(documentId: string, path: string): void {
    this.#delete(documentId, path);
  }

  #find(documentId: string, path: string): DirtyField | undefined {
    return this.#documents.get(documentId)?.get(path);
  }

  #delete(documentId: string, path: string): void {
    const fields = this.#documents.get(documentId);
    const field = fields?.get(path);
    if (fields === undefined || field === undefined) return;
    fields.delete(path);
    this.#forget(field.durable, ...field.contenders);
    if (fields.size === 0) this.#documents.delete(documentId);
  }

  #raise(field: DirtyField, durable: FieldWrite): void {
    if (field.durable !== undefined && compareRows(durable, field.durable) <= 0) return;
    this.#forget(field.durable);
    this.#bytes += sizeOf(durable);
    field.durable = durable;
    const { contenders } = field;
    while (contenders.length > 0) {
      const least = contenders.at(-1);
      if (least === undefined || compareRows(least, durable) > 0) break;
      this.#forget(contenders.pop());
    }
  }

  #forget(...writes: readonly (FieldWrite | undefined)[]): void {
    for (const write of writes) if (write !== undefined) this.#bytes -= sizeOf(write);
  }
}

/** Whether a write is not above what is durable; equal but for the value, it can't be told from it. */
function isSettled({ durable }: DirtyField, key: WriteKey): boolean {
  if (durable === undefined) return false;
  return compareRows({ ...key, value: '' }, { ...durable, value: '' }) <= 0;
}

/** Without the value, which an ack need not keep. */
export function keyOf({ path, timestamp, counter, clientId }: WriteKey): WriteKey {
  return { path, timestamp, counter, clientId };
}
