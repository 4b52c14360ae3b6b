/** Reads the bodies of requests, within bounds of bytes and time. */
import type { HttpResponse } from 'uWebSockets.js';
import { BodyParts } from './body-parts.js';
import { PartLimit } from './part-limit.js';

export interface BodyLimits {
  /** Of one body, in bytes. */
  readonly maxBytes: number;
  /** Time for all of it, in ms. */
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
  /** Besides one for each 64 bytes. */
  readonly maxParts: number;
}

/** Who comes in too many parts is told nothing: the rest of them would be handled meanwhile. */
export interface BodyEvents {
  /** Called before the connection is closed for that. */
  readonly onTooManyParts: () => void;
}

/** What all bodies take that are in memory. */
export class BodyMemory {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns False, with nothing taken, when there is no room; one body has it in any case. */
  take(bytes: number): boolean {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Why a body was not read: it is over a limit, there is no memory for it, it took too long, or the client has gone. */
export type BodyFault = 'tooLarge' | 'crowded' | 'late' | 'gone';

export interface ReadBody {
  /** The bytes, or why there are none. */
  readonly result: Promise<Buffer | BodyFault>;
  /** Nobody wants it any more: what comes is not kept, and the result is empty. */
  drop(): void;
  /** Gives its memory back; to be called once the request is done with, however it ended. */
  release(): void;
}

/** Reads a body. Must be called within the request's handler. */
export function readBytes(response: HttpResponse, limits: BodyLimits, { onTooManyParts }: BodyEvents): ReadBody {
  const { maxBytes, timeoutMs, memory, maxParts } = limits;
  const partLimit = new PartLimit(maxParts);
  const parts = new BodyParts(maxBytes);
  /** What has come. */
  let bytes = 0;
  /** What is taken of the memory. */
  let taken = 0;
  let isKept = true;
  let isOver = false;
  let end: (how: Buffer | BodyFault) => void = () => undefined;
  const result = new Promise<Buffer | BodyFault>((resolve) => {
    end = (how) => {
      isOver = true;
      clearTimeout(timer);
      resolve(how);
    };
  });
  const drop = (): void => {
    isKept = false;
    parts.clear();
    memory.giveBack(taken);
    taken = 0;
  };
  const fail = (fault: BodyFault): void => {
    drop();
    end(fault);
  };
  const timer = setTimeout(() => {
    fail('late');
  }, timeoutMs);
  const keep = (part: Uint8Array): boolean => {
    const more = parts.growthFor(part.length);
    if (!memory.take(more)) return false;
    taken += more;
    parts.add(part);
    return true;
  };
  response.onData((part, isLast) => {
    if (!partLimit.take(part.byteLength)) {
      onTooManyParts();
      response.close();
      return;
    }
    if (isOver) return;
    bytes += part.byteLength;
    if (bytes > maxBytes) fail('tooLarge');
    else if (isKept && !keep(new Uint8Array(part))) fail('crowded');
    else if (isLast) end(parts.bytes);
  });
  const release = (): void => {
    fail('gone');
  };
  return { result, drop, release };
}
