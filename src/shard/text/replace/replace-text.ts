import type { ClusterId, InsertedText, TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../../errors.js';
import { FULL_TEXT } from '../full-text.js';
import { keptRanges, type Kept } from './kept-ranges.js';
import { ShownText } from './shown-text.js';

export interface ReplaceLimits {
  /** For so long the texts are compared, in ms. */
  readonly diffMs: number;
  /** Bytes of a state. */
  readonly maxStateBytes: number;
}

/** How a replacement was made. */
export type Replaced = 'same' | 'edited' | 'rewritten';

/**
 * Cutting a run may move what others have typed into it (clients show an insert into an uncut run before the run), so a
 * text is compared again after it was cut, at most so many times.
 */
const MAX_ROUNDS = 3;

/**
 * Makes a text show a content, by insertions and deletions of an author: what others type at the same time is merged with
 * them, and what both texts have in common stays as it is. Where that does not come out, all of it is replaced.
 *
 * @param author Nobody else may ever use this name.
 * @throws ProtocolError INVALID_DELTA, DOCUMENT_TOO_LARGE, with nothing changed.
 */
export function replaceText(
  core: TextStore,
  handle: number,
  content: string,
  author: string,
  limits: ReplaceLimits,
): Replaced {
  if (!content.isWellFormed()) throw new ProtocolError('INVALID_DELTA', 'a text must be well-formed Unicode');
  if (Buffer.byteLength(content) > limits.maxStateBytes) throw tooLarge(limits);
  if (core.text(handle) === content) return 'same';
  const trial = core.open();
  try {
    core.apply(trial, [core.changesSince(handle, 0)]);
    const before = core.version(trial);
    const replacement = new Replacement(core, trial, content, author);
    const isEdited = replacement.edit(limits.diffMs);
    if (!isEdited) replacement.rewrite();
    if (core.text(trial) !== content) throw new Error('a replaced text does not show what it should');
    if (core.stateSize(trial) > limits.maxStateBytes) throw tooLarge(limits);
    core.apply(handle, [core.changesSince(trial, before)]);
    return isEdited ? 'edited' : 'rewritten';
  } finally {
    core.close(trial);
  }
}

class Replacement {
  readonly #core: TextStore;
  readonly #handle: number;
  readonly #content: string;
  readonly #author: string;

  constructor(core: TextStore, handle: number, content: string, author: string) {
    this.#core = core;
    this.#handle = handle;
    this.#content = content;
    this.#author = author;
  }

  /** @returns Whether the text shows the content now. */
  edit(limitMs: number): boolean {
    const until = performance.now() + limitMs;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const shown = this.#shown();
      const kept = shown.wholeClusters(keptRanges(shown.text, this.#content, until - performance.now()));
      this.#core.edit(this.#handle, { author: this.#author, inserts: [], marks: shown.marksOutside(kept) });
      if (this.#insertAround(kept, shown.text)) return this.#core.text(this.#handle) === this.#content;
    }
    return false;
  }

  /** Deletes everything and inserts the content. */
  rewrite(): void {
    this.#core.edit(this.#handle, { author: this.#author, inserts: [], marks: this.#shown().marksOutside([]) });
    const inserts = this.#content === '' ? [] : [this.#insert(this.#content, this.#core.clock(this.#handle))];
    this.#core.edit(this.#handle, { author: this.#author, inserts, marks: [] });
  }

  /** Inserts what is between the parts that were kept. @returns False when the text is not these parts, cut there. */
  #insertAround(kept: readonly Kept[], before: string): boolean {
    const shown = this.#shown();
    if (shown.text !== kept.map(({ from, length }) => before.slice(from, from + length)).join('')) return false;
    const inserts: InsertedText[] = [];
    let clock = this.#core.clock(this.#handle);
    let at = 0;
    let written = 0;
    for (const { to, length } of [...kept, { to: this.#content.length, length: 0 }]) {
      if (to > written) {
        const block = shown.blockFrom(at);
        if (block === undefined) return false;
        const [left, right] = [shown.blocks[block - 1], shown.blocks[block]];
        const insert = this.#insert(
          this.#content.slice(written, to),
          clock,
          left && { author: left.author, clock: left.last },
          right && { author: right.author, clock: right.first },
        );
        inserts.push(insert);
        ({ clock } = insert);
      }
      at += length;
      written = to + length;
    }
    this.#core.edit(this.#handle, { author: this.#author, inserts, marks: [] });
    return true;
  }

  /** @param clock Of what was there before. */
  #insert(text: string, clock: number, left?: ClusterId, right?: ClusterId): InsertedText {
    const last = clock + this.#core.clusterEnds(text).length;
    if (last > Number.MAX_SAFE_INTEGER) throw new ProtocolError('INVALID_DELTA', 'the clock of the text is used up');
    return { text, clock: last, left, right };
  }

  #shown(): ShownText {
    return new ShownText(this.#core, this.#core.visible(this.#handle));
  }
}

function tooLarge({ maxStateBytes }: ReplaceLimits): ProtocolError {
  return new ProtocolError('DOCUMENT_TOO_LARGE', `the text would have more than ${maxStateBytes} bytes. ${FULL_TEXT}`);
}
