import type { ObjectScan } from './json/json-scan.js';
import type { FrameHead } from './frame.js';
import type { ErrorCode } from '../errors.js';

/** What one connection may keep waiting. */
export interface ChunkLimits {
  /** Unfinished sets per connection. */
  readonly sets: number;
  /** Memory of all unfinished sets of a connection, in bytes. */
  readonly bytes: number;
  /** Milliseconds after which an unfinished set is dropped, counted from its first chunk. */
  readonly timeout: number;
}

/** The memory that the chunk sets of all connections take. */
export interface ChunkMemory {
  readonly maxBytes: number;
  bytes: number;
}

/** One `delta_batch_chunk`; `data` points into the frame. */
interface Chunk {
  readonly chunkId: string;
  readonly total: number;
  readonly index: number;
  /** Base64, as bytes of ASCII. */
  readonly data: Buffer;
}

interface ChunkSet {
  readonly total: number;
  readonly parts: (Buffer | undefined)[];
  readonly since: number;
  missing: number;
  bytes: number;
}

/** What became of a chunk: its set lacks others, or is whole, or was refused and dropped. */
export type ChunkOutcome =
  | { readonly kind: 'waiting' }
  /** The message that was cut, decoded: a whole frame, binary or JSON. */
  | { readonly kind: 'complete'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

const waiting: ChunkOutcome = { kind: 'waiting' };
/** Memory of a part besides its data, and of a set besides its parts. */
const PART_BYTES = 200;
const SET_BYTES = 500;
/** A set of more parts would let one frame allocate a large array. */
const MAX_CHUNKS = 65_536;

/**
 * Puts the chunk sets of one connection together. Nothing is parsed: the parts are kept as they came and decoded when
 * the set is whole.
 */
export class ChunkAssembler {
  readonly #limits: ChunkLimits;
  readonly #memory: ChunkMemory;
  /** In the order of their first chunks, so that the oldest is found first. */
  readonly #sets = new Map<string, ChunkSet>();
  #bytes = 0;

  /** @param memory Shared by all connections. */
  constructor(limits: ChunkLimits, memory: ChunkMemory = { maxBytes: Infinity, bytes: 0 }) {
    this.#limits = limits;
    this.#memory = memory;
  }

  /** Unfinished sets. */
  get sets(): number {
    return this.#sets.size;
  }

  /** Memory of the unfinished sets. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a chunk; one that is there already changes nothing.
   *
   * @param frame The frame of a `delta_batch_chunk`; it is copied where it is kept.
   * @param now Milliseconds of any clock that does not go back.
   */
  add(frame: Buffer, head: FrameHead, scan: ObjectScan, now: number): ChunkOutcome {
    this.expire(now);
    const chunk = readChunk(frame, head, scan);
    if (chunk === undefined) return { kind: 'refused', code: 'INVALID_MESSAGE' };

    let set = this.#sets.get(chunk.chunkId);
    if (set === undefined && this.#sets.size >= this.#limits.sets) {
      return { kind: 'refused', code: 'RATE_LIMIT_EXCEEDED' };
    }
    if (set !== undefined && set.total !== chunk.total) {
      this.#drop(chunk.chunkId, set);
      return { kind: 'refused', code: 'INVALID_MESSAGE' };
    }
    if (set?.parts[chunk.index] !== undefined) return waiting;
    const size = chunk.data.length + PART_BYTES + (set === undefined ? SET_BYTES : 0);
    const code = this.#refusalOf(size);
    if (code !== undefined) {
      if (set !== undefined) this.#drop(chunk.chunkId, set);
      return { kind: 'refused', code };
    }
    if (set === undefined) {
      set = { total: chunk.total, parts: [], since: now, missing: chunk.total, bytes: 0 };
      this.#sets.set(chunk.chunkId, set);
    }
    // The frame's memory is only lent for the time of the callback.
    set.parts[chunk.index] = Buffer.from(chunk.data);
    set.missing--;
    this.#take(set, size);
    if (set.missing > 0) return waiting;
    this.#drop(chunk.chunkId, set);
    return { kind: 'complete', bytes: decode(set) };
  }

  /** Drops the sets that have waited too long; their bytes are free again. */
  expire(now: number): void {
    for (const [chunkId, set] of this.#sets) {
      if (now - set.since < this.#limits.timeout) return;
      this.#drop(chunkId, set);
    }
  }

  /** Drops all sets: the connection has ended. */
  close(): void {
    for (const [chunkId, set] of this.#sets) this.#drop(chunkId, set);
  }

  #refusalOf(size: number): ErrorCode | undefined {
    if (this.#bytes + size > this.#limits.bytes) return 'MESSAGE_TOO_LARGE';
    return this.#memory.bytes + size > this.#memory.maxBytes ? 'RATE_LIMIT_EXCEEDED' : undefined;
  }

  #take(set: ChunkSet, bytes: number): void {
    set.bytes += bytes;
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }

  #drop(chunkId: string, set: ChunkSet): void {
    this.#sets.delete(chunkId);
    this.#bytes -= set.bytes;
    this.#memory.bytes -= set.bytes;
  }
}

function decode(set: ChunkSet): Buffer {
  return Buffer.concat(set.parts.map((part) => Buffer.from(part?.toString('latin1') ?? '', 'base64')));
}

interface Found {
  chunkId?: string | undefined;
  total?: number | undefined;
  index?: number | undefined;
  data?: Buffer;
  /** Where a nested `payload` lies. */
  payload?: readonly [number, number];
}

function readChunk(frame: Buffer, head: FrameHead, scan: ObjectScan): Chunk | undefined {
  const found: Found = {};
  readEntries(frame, head.start, head.end, scan, found);
  if (head.form === 'json' && found.payload !== undefined) readEntries(frame, ...found.payload, scan, found);
  const { chunkId, total, index, data } = found;
  if (chunkId === undefined || total === undefined || index === undefined || data === undefined) return undefined;
  if (chunkId.length > 256 || !Number.isInteger(total) || total < 1 || total > MAX_CHUNKS) return undefined;
  if (!Number.isInteger(index) || index < 0 || index >= total) return undefined;
  return { chunkId, total, index, data };
}

function readEntries(frame: Buffer, start: number, end: number, scan: ObjectScan, found: Found): void {
  if (!scan.reset(frame, start, end)) return;
  while (scan.next()) {
    if (scan.keyIs('chunkId')) found.chunkId = scan.stringValue();
    else if (scan.keyIs('totalChunks')) found.total = scan.numberValue();
    else if (scan.keyIs('chunkIndex')) found.index = scan.numberValue();
    else if (scan.keyIs('payload') && scan.isObject()) found.payload = [scan.valueStart, scan.valueEnd];
    else if (scan.keyIs('data') && frame[scan.valueStart] === 0x22) {
      const data = frame.subarray(scan.valueStart + 1, scan.valueEnd - 1);
      // Some encoders escape the `/` and `+` of base64.
      found.data = data.includes(0x5c) ? Buffer.from(scan.stringValue() ?? '', 'latin1') : data;
    }
  }
}
