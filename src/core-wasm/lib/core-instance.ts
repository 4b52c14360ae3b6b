import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CoreAbort } from './core-abort.js';
import type { CoreExports } from './core-exports.js';
import { LinearMemory } from './linear-memory.js';

export interface CoreOptions {
  /**
   * Makes the hash tables the same in every run, for tests: an integer from 0 to 2^53 - 1. Without it the key is random
   * and secret, so that clients can't choose names that collide.
   */
  readonly hashSeed?: number;
  /** Most memory that the instance may take, in pages of 64 KiB, from 4 to 65 536 (4 GiB, the default). */
  readonly maximumPages?: number;
}

/** Both as in asconfig.json. */
const initialPages = 4;
const mostPages = 65536;

/** Bytes of the input area. Texts that don't fit get a block of their own for the duration of the call. */
export const inputSize = 64 * 1024;
/** Half of the allocator's largest block: a field's block may have to hold the path and the value together. */
const mostInput = 512 * 1024 * 1024;

let compiled: WebAssembly.Module | undefined;

/** The module, compiled once per thread; synchronously, since a worker has nothing to do before. */
export function coreModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('../../build/core.wasm', import.meta.url)));
  return compiled;
}

/** One instance of the core: its exports, its memory, and whether it still lives. */
export class CoreInstance {
  readonly exports: CoreExports;
  readonly memory: LinearMemory;
  /** Address of the input area. */
  readonly input: number;
  /** Address of the result area. */
  readonly result: number;
  /** The error that ended this instance. While it is set, nothing may call the exports. */
  failure: CoreAbort | undefined;
  /** The text at the start of the input area, if known, and its bytes: batches often repeat the client id. */
  #staged: string | undefined;
  #stagedLength = 0;

  /** Throws a `RangeError` for options out of range. */
  constructor(options: CoreOptions) {
    const { hashSeed, maximumPages: maximum = mostPages } = options;
    const key = hashKey(hashSeed);
    if (!Number.isInteger(maximum) || maximum < initialPages || maximum > mostPages) {
      throw new RangeError(`maximumPages must be an integer from ${initialPages} to ${mostPages}`);
    }
    const memory = new WebAssembly.Memory({ initial: initialPages, maximum });
    this.memory = new LinearMemory(memory);
    const abort = (message: number, file: number, line: number, column: number): never => {
      throw new CoreAbort(`${this.#literal(message)} (${this.#literal(file)}:${line}:${column})`);
    };
    this.exports = new WebAssembly.Instance(coreModule(), { env: { memory, abort } }).exports as unknown as CoreExports;
    this.exports.seedHash(...key);
    this.result = this.exports.resultArea() >>> 0;
    this.input = this.exports.allocate(inputSize) >>> 0;
    this.exports.useInput(this.input);
    this.memory.refresh();
  }

  /** Runs calls into the core and makes the views anew. Throws `CoreAbort` when they abort, or if others did before. */
  run<T>(calls: (core: CoreExports) => T): T {
    if (this.failure !== undefined) throw this.failure;
    let answer: T;
    try {
      answer = calls(this.exports);
    } catch (cause) {
      throw this.fail(cause);
    }
    this.memory.refresh();
    return answer;
  }

  /** Ends the instance because a call threw `cause`. Returns the error to throw. */
  fail(cause: unknown): CoreAbort {
    this.failure ??=
      cause instanceof CoreAbort ? cause : new CoreAbort(`the core trapped: ${String(cause)}`, { cause });
    return this.failure;
  }

  /** The address of the input area, for whoever writes there himself. */
  takeInput(): number {
    this.#staged = undefined;
    return this.input;
  }

  /**
   * Writes text to the start of the input area, unless it lies there already. Returns its length in bytes. The caller
   * makes sure that it fits.
   */
  stageFirst(text: string): number {
    if (text !== this.#staged) {
      this.#staged = text;
      this.#stagedLength = this.memory.writeText(text, this.input);
    }
    return this.#stagedLength;
  }

  /**
   * Runs a call with texts of any length, concatenated in the input area; the call gets their lengths in
   * bytes. Throws a `RangeError` if they have more than 512 MiB in all.
   */
  runWith<T>(texts: readonly string[], call: (core: CoreExports, lengths: readonly number[]) => T): T {
    const lengths = texts.map((text) => Buffer.byteLength(text));
    const size = lengths.reduce((sum, length) => sum + length, 0);
    if (size <= inputSize) {
      this.#staged = undefined;
      this.#write(texts, lengths, this.input);
      return this.run((core) => call(core, lengths));
    }
    if (size > mostInput) throw new RangeError(`texts of ${size} bytes are more than the core accepts at once`);
    // The allocator never fills a gap of over 256 bytes exactly. With spare capacity, the gap that this block leaves
    // can hold the next large value; otherwise equally large values in a row would use only every second gap.
    const block = this.run((core) => core.allocate(size + (size >>> 3))) >>> 0;
    this.#write(texts, lengths, block);
    return this.run((core) => {
      core.useInput(block);
      const answer = call(core, lengths);
      core.useInput(this.input);
      core.release(block);
      return answer;
    });
  }

  #write(texts: readonly string[], lengths: readonly number[], start: number): void {
    let at = start;
    texts.forEach((text, index) => {
      this.memory.writeText(text, at);
      at += lengths[index] ?? 0;
    });
  }

  /** A string literal of the module: UTF-16, its length in bytes in the word before it. */
  #literal(at: number): string {
    this.memory.refresh();
    return at === 0 ? 'aborted' : this.memory.readUtf16(at, this.memory.word(at - 4));
  }
}

/** The key of the hash function: four 32-bit words. */
function hashKey(seed: number | undefined): [number, number, number, number] {
  if (seed === undefined) {
    const [a = 0, b = 0, c = 0, d = 0] = randomFillSync(new Uint32Array(4));
    return [a, b, c, d];
  }
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError('hashSeed must be an integer from 0 to 2^53 - 1');
  return [seed % 2 ** 32, Math.floor(seed / 2 ** 32), 0x5eed, 0xc0de];
}
