/** The client ids of a document, each stored once, in one block: this record and the id right after it. */
import { allocate, footprint, release } from '../memory/blocks';
import { copyBytes, equalBytes } from '../memory/bytes';
import { freeTable, makeTable, referenceAt, Table } from '../memory/table';

@unmanaged
export class Writer {
  /** Scratch of the export that is running: the largest stamp found, or what the other side has seen. */
  mark: f64;
  /** How many fields hold a write of this client. */
  fields: u32;
  length: u32;
}

const HEAD: u32 = 16;
/** Slots of a new table of writers. */
export const FIRST_WRITER_SLOTS: u32 = 4;

/** A writer of one field. */
export function makeWriter(id: usize, length: u32): Writer {
  const writer = changetype<Writer>(allocate(HEAD + length));
  writer.fields = 1;
  writer.length = length;
  copyBytes(idOf(writer), id, length);
  return writer;
}

/** Bytes of memory that a writer takes. */
export function writerFootprint(writer: Writer): u32 {
  return footprint(HEAD + writer.length);
}

export function idOf(writer: Writer): usize {
  return changetype<usize>(writer) + HEAD;
}

export function isWriter(writer: Writer, id: usize, length: u32): bool {
  return equalBytes(idOf(writer), writer.length, id, length);
}

export function makeWriters(): Table {
  return makeTable(FIRST_WRITER_SLOTS);
}

/** Frees the table and all writers in it. */
export function freeWriters(writers: Table): void {
  for (let slot: u32 = 0; slot <= writers.mask; slot++) {
    const reference = referenceAt(writers, slot);
    if (reference != 0) release(reference);
  }
  freeTable(writers);
}
