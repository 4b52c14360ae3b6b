import { inputSize, type CoreInstance } from './core-instance.js';

/** Zeros behind the input of a scan. */
const PADDING = 16;
const padding = Buffer.alloc(PADDING);

/** Passes the content of long JSON strings, in the memory of an instance. */
export class StringScan {
  /** Most bytes that are passed at a time. */
  readonly mostBytes = inputSize - PADDING;
  readonly #core: CoreInstance;

  constructor(core: CoreInstance) {
    this.#core = core;
  }

  /**
   * Passes ordinary bytes and whole escapes. Stops at a quote, at what may not be in a string, at an escape that is not
   * whole, and at the end. UTF-8 is not checked.
   *
   * @param bytes At most `mostBytes`; not from the middle of an escape.
   * @returns How many bytes it passed.
   */
  passString(bytes: Uint8Array): number {
    if (bytes.length > this.mostBytes) throw new RangeError(`${bytes.length} bytes are more than are passed at a time`);
    const input = this.#core.takeInput();
    const { memory } = this.#core;
    memory.writeBytes(bytes, input);
    memory.writeBytes(padding, input + bytes.length);
    return this.#core.run((core) => core.passString(bytes.length));
  }
}
