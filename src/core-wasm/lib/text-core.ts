import type { CoreExports } from './core-exports.js';
import { CoreInstance, type CoreOptions } from './core-instance.js';
import { notOpen } from './fields-store.js';
import { applyAnswer, bytesRecord, mergeAnswer, resultRecords, visibleRecord } from './layout.js';
import { encodeEdit } from './encode-edit.js';
import { StringScan } from './string-scan.js';
import type { TextEdit, VisibleBlock, VisibleText } from './text-edit.js';
import { TextRefused, type TextApplyResult, type TextMergeResult, type TextStore } from './text-store.js';

export interface TextCoreOptions extends CoreOptions {
  /** Most bytes of JSON that a text may grow to by merges (`apply` takes any changes); 64 MiB by default, 256 MiB at most. */
  readonly maxStateBytes?: number;
}

const usualStateBytes = 64 * 1024 * 1024;
const mostStateBytes = 256 * 1024 * 1024;
/** Bytes of input of a call: a state as the content of a string may be twice as long, and a memory block 1 GiB. */
const mostInput = 512 * 1024 * 1024;

/**
 * Texts in WASM memory. Compiles the module once per thread and instantiates it anew for each object. Once a call has
 * thrown `CoreAbort`, every later one does: make a new object and load the texts into it.
 */
export class TextCore implements TextStore {
  /** For the messages that carry states. */
  readonly strings: StringScan;
  readonly #core: CoreInstance;
  readonly #maxStateBytes: number;
  /** Handle → address of the document. */
  readonly #documents = new Map<number, number>();
  #lastHandle = 0;

  /**
   * Throws a `RangeError` for options out of range.
   *
   * @param core The instance to use: for tests of its internals, or to share one with a `FieldsCore`.
   */
  constructor(options: TextCoreOptions = {}, core = new CoreInstance(options)) {
    const { maxStateBytes = usualStateBytes } = options;
    if (!(maxStateBytes >= 0 && maxStateBytes <= mostStateBytes)) {
      throw new RangeError(`maxStateBytes must be a number from 0 to ${mostStateBytes}`);
    }
    this.#core = core;
    this.strings = new StringScan(core);
    this.#maxStateBytes = maxStateBytes;
  }

  get memoryBytes(): number {
    return this.#core.memory.size;
  }

  open(): number {
    const document = this.#core.run((core) => core.textOpen());
    const handle = ++this.#lastHandle;
    this.#documents.set(handle, document);
    return handle;
  }

  close(handle: number): void {
    const document = this.#document(handle);
    this.#documents.delete(handle);
    this.#core.run((core) => {
      core.textClose(document);
    });
  }

  merge(handle: number, state: Uint8Array, escaped: boolean): TextMergeResult {
    const document = this.#document(handle);
    const { length } = state;
    this.#core.memory.writeBytes(state, this.#stage(length));
    const answer = this.#core.run((core) => core.textMerge(document, length, Number(escaped), this.#maxStateBytes));
    if (answer === mergeAnswer.tooLarge) {
      throw new TextRefused('tooLarge', `the text would have more than ${this.#maxStateBytes} bytes`);
    }
    if (answer === mergeAnswer.invalid) throw new TextRefused('invalid', 'the text state can not be read');
    return {
      changed: (answer & mergeAnswer.changed) !== 0,
      same: (answer & mergeAnswer.same) !== 0,
      canonical: (answer & mergeAnswer.canonical) !== 0,
    };
  }

  state(handle: number, escaped: boolean): Uint8Array<ArrayBuffer> {
    const size = this.stateSize(handle);
    if (size > mostStateBytes) throw new RangeError(`a state of ${size} bytes is more than the core writes at once`);
    return this.#written(handle, (core, document) => {
      core.textWriteState(document, Number(escaped));
    });
  }

  version(handle: number): number {
    return this.#core.exports.textVersion(this.#document(handle));
  }

  clock(handle: number): number {
    return this.#core.exports.textClock(this.#document(handle));
  }

  changesSince(handle: number, version: number): Uint8Array<ArrayBuffer> {
    return this.#written(handle, (core, document) => {
      core.textWriteChanges(document, version);
    });
  }

  apply(handle: number, changes: readonly Uint8Array[]): TextApplyResult {
    const document = this.#document(handle);
    const { memory } = this.#core;
    let at = this.#stage(changes.reduce((sum, { length }) => sum + stagedSize(length), 0));
    for (const change of changes) {
      memory.writeWord(change.length, at);
      memory.writeBytes(change, at + 4);
      at += stagedSize(change.length);
    }
    const answer = this.#core.run((core) => core.textApply(document, changes.length));
    if (answer === applyAnswer.invalid) throw new TextRefused('invalid', 'the changes can not be read');
    return {
      changed: (answer & applyAnswer.changed) !== 0,
      incomplete: (answer & applyAnswer.incomplete) !== 0,
    };
  }

  text(handle: number): string {
    const document = this.#document(handle);
    const [address, length] = this.#locate((core) => {
      core.textWriteText(document);
    });
    return this.#core.memory.readText(address, length);
  }

  visible(handle: number): VisibleText {
    const document = this.#document(handle);
    const [address, length] = this.#locate((core) => {
      core.textWriteVisible(document);
    });
    const { memory, result } = this.#core;
    const start = memory.word(result + resultRecords + 8 + bytesRecord.address);
    const end = start + memory.word(result + resultRecords + 8 + bytesRecord.length);
    const names = new Map<number, string>();
    const blocks: VisibleBlock[] = [];
    for (let at = start; at < end; at += visibleRecord.size) {
      const author = memory.word(at + visibleRecord.author);
      let name = names.get(author);
      if (name === undefined) {
        name = memory.readText(memory.word(at + visibleRecord.name), memory.word(at + visibleRecord.nameLength));
        names.set(author, name);
      }
      const last = memory.double(at + visibleRecord.clock);
      const first = last - memory.word(at + visibleRecord.count) + 1;
      blocks.push({ author: name, first, last, units: memory.word(at + visibleRecord.units) });
    }
    return { text: memory.readText(address, length), blocks };
  }

  clusterEnds(text: string): Uint32Array {
    const bytes = Buffer.from(text);
    this.#core.memory.writeBytes(bytes, this.#stage(bytes.length));
    const [address, length] = this.#locate((core) => {
      core.textWriteClusterEnds(bytes.length);
    });
    return new Uint32Array(this.#core.memory.copy(address, length).buffer);
  }

  edit(handle: number, edit: TextEdit): TextApplyResult {
    return this.apply(handle, [encodeEdit(edit, this.clock(handle))]);
  }

  length(handle: number): number {
    const document = this.#document(handle);
    return this.#core.run((core) => core.textLength(document));
  }

  blockCount(handle: number): number {
    return this.#core.exports.textBlockCount(this.#document(handle));
  }

  stateSize(handle: number): number {
    return this.#core.exports.textStateSize(this.#document(handle));
  }

  byteSize(handle: number): number {
    return this.#core.exports.textByteSize(this.#document(handle));
  }

  #document(handle: number): number {
    const document = this.#documents.get(handle);
    if (this.#core.failure !== undefined) throw this.#core.failure;
    if (document === undefined) throw notOpen(handle);
    return document;
  }

  /** Allocates the staging area for the input of a call. Returns its address. */
  #stage(length: number): number {
    if (length > mostInput) {
      throw new TextRefused('tooLarge', `${length} bytes are more than the core reads at once`);
    }
    return this.#core.run((core) => core.stage(length)) >>> 0;
  }

  /** A copy of what a call wrote into scratch memory. */
  #written(handle: number, write: (core: CoreExports, document: number) => void): Uint8Array<ArrayBuffer> {
    const document = this.#document(handle);
    const [address, length] = this.#locate((core) => {
      write(core, document);
    });
    return this.#core.memory.copy(address, length);
  }

  #locate(write: (core: CoreExports) => void): [address: number, length: number] {
    this.#core.run(write);
    const { memory, result } = this.#core;
    const record = result + resultRecords;
    return [memory.word(record + bytesRecord.address), memory.word(record + bytesRecord.length)];
  }
}

/** Bytes of one change in the staging area: its length as a u32, itself, and padding to a multiple of four. */
function stagedSize(length: number): number {
  return 4 + Math.ceil(length / 4) * 4;
}
