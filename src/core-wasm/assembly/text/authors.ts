/**
 * The author names of ids, interned: blocks refer to them by index. An id with an offset other than 0 gets an author of
 * its own, so that blocks need no field for an offset that clients never write.
 */
import { allocate, footprint, release } from '../memory/blocks';
import { compareBytes, copyBytes, equalBytes } from '../memory/bytes';
import { hashBytes } from '../memory/hash';
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
import { digits } from './json/decimal';
import { escapedLength, writeEscaped } from './json/escape';
import { CLOCK_KEY, CLOCK_KEY_LENGTH, ID_START, ID_START_LENGTH, OFFSET_KEY_LENGTH } from './json/json-parts';

@unmanaged
export class Author {
  offset: u64;
  /** Scratch: the last clock seen of the author. */
  last: u64;
  name: usize;
  length: u32;
  hash: u32;
  /** Address of `{"client_id":"…","clock":`: the start of this author's ids in JSON. */
  prefix: usize;
  prefixLength: u32;
  /** Bytes of an id in JSON without the digits of its clock. */
  idLength: u32;
  /** Index of the author with the same name and no offset. */
  base: u32;
  /** Scratch: the same author in another list, index + 1. */
  mapped: u32;
  /** Scratch: how many blocks of a list are by this author, and where they begin once it is grouped. */
  start: u32;
  count: u32;
  /** Scratch: the same for the document's blocks. */
  heldStart: u32;
  heldCount: u32;
  /** Bytes of memory, this record included. */
  bytes: u32;
}

@unmanaged
export class Authors {
  /** Block of `capacity` references, of which `count` are in use. */
  list: usize;
  count: u32;
  capacity: u32;
  /** Hash of the name → index + 1. */
  table: Table;
  /** Memory that the list and its authors take. */
  bytes: u32;
}

const FIRST: u32 = 4;
const FIRST_SLOTS: u32 = 8;
/** What `writeEscaped` may write past the end of a text. */
const SLACK: u32 = 16;

export function makeAuthors(): Authors {
  const authors = changetype<Authors>(allocate(offsetof<Authors>()));
  authors.list = allocate(FIRST * 4);
  authors.count = 0;
  authors.capacity = FIRST;
  authors.table = makeTable(FIRST_SLOTS);
  authors.bytes = footprint(offsetof<Authors>()) + footprint(FIRST * 4) + tableFootprint(authors.table);
  return authors;
}

export function freeAuthors(authors: Authors): void {
  for (let index: u32 = 0; index < authors.count; index++) release(changetype<usize>(authorAt(authors, index)));
  release(authors.list);
  freeTable(authors.table);
  release(changetype<usize>(authors));
}

export function authorAt(authors: Authors, index: u32): Author {
  return changetype<Author>(load<usize>(authors.list + (index << 2)));
}

/** Index of the author + 1, or 0. */
function findAuthor(authors: Authors, name: usize, length: u32, hash: u32, offset: u64): u32 {
  const table = authors.table;
  for (let slot = firstSlot(table, hash); referenceAt(table, slot) != 0; slot = nextSlot(table, slot)) {
    if (hashAt(table, slot) != hash) continue;
    const index = referenceAt(table, slot) - 1;
    const author = authorAt(authors, index);
    if (author.offset == offset && equalBytes(author.name, author.length, name, length)) return index + 1;
  }
  return 0;
}

/** Index of the author, which is added if it is missing. */
export function internAuthor(authors: Authors, name: usize, length: u32, offset: u64): u32 {
  const hash = hashBytes(name, length) ^ (offset == 0 ? 0 : hashOffset(offset));
  const known = findAuthor(authors, name, length, hash, offset);
  if (known != 0) return known - 1;
  const base = offset == 0 ? authors.count : internAuthor(authors, name, length, 0);
  return addAuthor(authors, makeAuthor(name, length, hash, offset, base));
}

/** The author of another list in this one: index + 1, or 0 if it isn't there. */
export function findSame(authors: Authors, author: Author): u32 {
  return findAuthor(authors, author.name, author.length, author.hash, author.offset);
}

/** Removes the authors from an index on. */
export function dropAuthors(authors: Authors, count: u32): void {
  if (authors.count == count) return;
  for (let index = count; index < authors.count; index++) {
    const author = authorAt(authors, index);
    authors.bytes -= author.bytes;
    release(changetype<usize>(author));
  }
  authors.count = count;
  authors.bytes -= tableFootprint(authors.table);
  freeTable(authors.table);
  let slots = FIRST_SLOTS;
  while (slots * 3 <= count * 4) slots *= 2;
  authors.table = makeTable(slots);
  authors.bytes += tableFootprint(authors.table);
  for (let index: u32 = 0; index < count; index++) insert(authors.table, authorAt(authors, index).hash, index + 1);
}

/** Order of two authors: by the bytes of the name, then by the offset. */
export function compareAuthors(a: Author, b: Author): i32 {
  if (a == b) return 0;
  const byName = compareBytes(a.name, a.length, b.name, b.length);
  if (byName != 0) return byName;
  return a.offset == b.offset ? 0 : a.offset > b.offset ? 1 : -1;
}

function addAuthor(authors: Authors, author: Author): u32 {
  if (authors.count == authors.capacity) {
    const size = authors.capacity * 4;
    authors.list = heap.realloc(authors.list, size * 2);
    authors.capacity *= 2;
    authors.bytes += footprint(size * 2) - footprint(size);
  }
  if (isFull(authors.table)) {
    authors.bytes -= tableFootprint(authors.table);
    authors.table = doubled(authors.table);
    authors.bytes += tableFootprint(authors.table);
  }
  const index = authors.count++;
  store<usize>(authors.list + (index << 2), changetype<usize>(author));
  insert(authors.table, author.hash, index + 1);
  authors.bytes += author.bytes;
  return index;
}

/** One block: the record, the prefix, and the name if it is not in the prefix as it is. */
function makeAuthor(name: usize, length: u32, hash: u32, offset: u64, base: u32): Author {
  const escaped = escapedLength(name, length);
  const prefixLength = ID_START_LENGTH + escaped + CLOCK_KEY_LENGTH;
  const size: u32 = offsetof<Author>() + prefixLength + SLACK + (escaped == length ? 0 : length);
  const author = changetype<Author>(allocate(size));
  const prefix = changetype<usize>(author) + offsetof<Author>();
  copyBytes(prefix, ID_START, ID_START_LENGTH);
  const end = writeEscaped(prefix + ID_START_LENGTH, name, length);
  copyBytes(end, CLOCK_KEY, CLOCK_KEY_LENGTH);
  if (escaped == length) {
    author.name = prefix + ID_START_LENGTH;
  } else {
    author.name = prefix + prefixLength + SLACK;
    copyBytes(author.name, name, length);
  }
  author.offset = offset;
  author.last = 0;
  author.length = length;
  author.hash = hash;
  author.prefix = prefix;
  author.prefixLength = prefixLength;
  author.idLength = prefixLength + OFFSET_KEY_LENGTH + digits(offset) + 1;
  author.base = base;
  author.mapped = 0;
  author.start = 0;
  author.count = 0;
  author.heldStart = 0;
  author.heldCount = 0;
  author.bytes = footprint(size);
  return author;
}

/** With the secret key too: offsets are chosen by clients like names. */
function hashOffset(offset: u64): u32 {
  store<u64>(scratch, offset);
  return hashBytes(scratch, 8);
}

const scratch: usize = memory.data(8, 8);
