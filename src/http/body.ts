/** Reads the bodies of requests, within bounds of bytes and time. */
import type { HttpResponse } from 'uWebSockets.js';

export interface BodyLimits {
  /** Of one body, in bytes. */
  readonly maxBytes: number;
  /** Time for all of it, in ms. */
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
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

/** Why a body was not read to its end: it is over a limit, there is no memory for it, or it took too long. */
export type BodyFault = 'tooLarge' | 'crowded' | 'late';

export interface ReadBody {
  /** The bytes, or why there are none. Never resolves when the client goes before. */
  readonly result: Promise<Buffer | BodyFault>;
  /** Gives its memory back; to be called once the request is done with, however it ended. */
  release(): void;
}

/** Reads a body. Must be called within the request's handler. */
export function readBytes(response: HttpResponse, { maxBytes, timeoutMs, memory }: BodyLimits): ReadBody {
  const parts: Buffer[] = [];
  let bytes = 0;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const release = (): void => {
    isOver = true;
    clearTimeout(timer);
    memory.giveBack(bytes);
    bytes = 0;
    parts.length = 0;
  };
  const result = new Promise<Buffer | BodyFault>((resolve) => {
    const end = (fault: BodyFault): void => {
      release();
      resolve(fault);
    };
    timer = setTimeout(() => {
      end('late');
    }, timeoutMs);
    response.onData((part, isLast) => {
      if (isOver) return;
      if (bytes + part.byteLength > maxBytes) {
        end('tooLarge');
        return;
      }
      if (!memory.take(part.byteLength)) {
        end('crowded');
        return;
      }
      bytes += part.byteLength;
      // The part is valid during this call only.
      parts.push(Buffer.from(new Uint8Array(part)));
      if (!isLast) return;
      isOver = true;
      clearTimeout(timer);
      resolve(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
    });
  });
  return { result, release };
}
