/**
 * A document of fields: a growing block of fields in the order of their first write, and a table from path to place.
 * A deletion is a write with the deleted flag (a tombstone). A field that is erased leaves a hole in the block and its slot
 * in the table; both are closed when half of the block is holes (erase.ts).
 */
import { allocate, footprint, release } from '../memory/blocks';
import { equalBytes } from '../memory/bytes';
import {
  Table,
  doubled,
  firstSlot,
  freeTable,
  hashAt,
  insert,
  isFull,
  makeTable,
  nextSlot,
  referenceAt,
  tableFootprint,
} from '../memory/table';
import { Field, isHole } from './field';
import { freeWriters, makeWriters } from './writer';

@unmanaged
export class Document {
  /** Bytes of the state's entries, each with its colon and comma. */
  stateBytes: f64;
  /** Block of `capacity` fields, of which `count` are in use. */
  fields: usize;
  count: u32;
  capacity: u32;
  live: u32;
  /** Holes among the `count` fields. */
  holes: u32;
  /** Memory of the blocks of tombstones. */
  tombstoneText: u32;
  /** Memory that the document takes, this record included. */
  bytes: u32;
  /** Hash of the path → index of the field + 1. */
  places: Table;
  /** Hash of the client id → writer. */
  writers: Table;
}

export const FIELD: u32 = offsetof<Field>();
export const FIRST_FIELDS: u32 = 4;
export const FIRST_SLOTS: u32 = 8;

export function openDocument(): Document {
  const document = changetype<Document>(allocate(offsetof<Document>()));
  document.stateBytes = 0;
  document.fields = allocate(FIRST_FIELDS * FIELD);
  document.count = 0;
  document.capacity = FIRST_FIELDS;
  document.live = 0;
  document.holes = 0;
  document.tombstoneText = 0;
  document.places = makeTable(FIRST_SLOTS);
  document.writers = makeWriters();
  document.bytes =
    footprint(offsetof<Document>()) +
    footprint(FIRST_FIELDS * FIELD) +
    tableFootprint(document.places) +
    tableFootprint(document.writers);
  return document;
}

export function closeDocument(document: Document): void {
  const count = document.count;
  for (let index: u32 = 0; index < count; index++) {
    const field = fieldAt(document, index);
    if (!isHole(field)) release(field.text);
  }
  release(document.fields);
  freeTable(document.places);
  freeWriters(document.writers);
  release(changetype<usize>(document));
}

export function fieldCount(document: Document): u32 {
  return document.count - document.holes;
}

export function liveCount(document: Document): u32 {
  return document.live;
}

export function byteSize(document: Document): u32 {
  return document.bytes;
}

/** Memory of tombstones: their blocks, and their share of what all fields lie in. */
export function tombstoneBytes(document: Document): f64 {
  return <f64>document.tombstoneText + shareOf(document, fieldCount(document) - document.live);
}

/** Memory without that of tombstones and holes. */
export function liveBytes(document: Document): f64 {
  const dead = <f64>document.tombstoneText + shareOf(document, document.count - document.live);
  return <f64>document.bytes - dead;
}

/** The share of some fields, holes included, in the block of fields and the table of places. */
function shareOf(document: Document, fields: u32): f64 {
  if (fields == 0) return 0;
  const shared = <f64>footprint(document.capacity * FIELD) + <f64>tableFootprint(document.places);
  return Math.floor((shared * <f64>fields) / <f64>document.count);
}

export function fieldAt(document: Document, index: u32): Field {
  return changetype<Field>(document.fields + index * FIELD);
}

/** The field with this path, or null. Valid until the next field is added. */
export function findField(document: Document, path: usize, length: u32, hash: u32): Field | null {
  const places = document.places;
  for (let slot = firstSlot(places, hash); referenceAt(places, slot) != 0; slot = nextSlot(places, slot)) {
    if (hashAt(places, slot) != hash) continue;
    const field = fieldAt(document, referenceAt(places, slot) - 1);
    if (equalBytes(field.text, field.pathLength, path, length)) return field;
  }
  return null;
}

/** Adds a field, already counted and indexed by its hash; the caller fills it in. */
export function appendField(document: Document, hash: u32): Field {
  if (document.count == document.capacity) growFields(document);
  if (isFull(document.places)) {
    document.bytes -= tableFootprint(document.places);
    document.places = doubled(document.places);
    document.bytes += tableFootprint(document.places);
  }
  const index = document.count++;
  insert(document.places, hash, index + 1);
  return fieldAt(document, index);
}

function growFields(document: Document): void {
  const size = document.capacity * FIELD;
  document.fields = heap.realloc(document.fields, size * 2);
  document.capacity *= 2;
  document.bytes += footprint(size * 2) - footprint(size);
}
