/** The shared text: a textarea whose edits go into the model, over a copy of it that shows the cursors of others. */
import type { Place, Peer } from './peers.js';
import { editOf, lastAtMost, offsetsOf, shown } from './text-edit.js';
import type { ClusterId, TextModel } from './text-model.js';
import { element } from '../shared/dom.js';

export interface TextEditorOptions {
  readonly textarea: HTMLTextAreaElement;
  /** Lies under the textarea, with the same lines. */
  readonly mirror: HTMLElement;
  readonly model: TextModel;
  readonly onEdited: () => void;
  readonly onCursor: (cursor: Peer['cursor']) => void;
}

interface Mark {
  readonly from: number;
  readonly to: number;
  readonly caret: number;
  readonly peer: Peer;
}

export class TextEditor {
  readonly #options: TextEditorOptions;
  /** The clusters as the textarea shows them. */
  #shown: readonly string[] = [];
  #ids: readonly ClusterId[] = [];
  #offsets: readonly number[] = [0];
  #peers: readonly Peer[] = [];
  /** An input method is at work: the text must not be replaced under it. */
  #isComposing = false;

  constructor(options: TextEditorOptions) {
    this.#options = options;
    const { textarea } = options;
    textarea.addEventListener('input', () => {
      // What an input method shows meanwhile is no text yet; it is taken as a whole.
      if (!this.#isComposing) this.#edited();
    });
    textarea.addEventListener('compositionstart', () => {
      this.#isComposing = true;
    });
    textarea.addEventListener('compositionend', () => {
      this.#isComposing = false;
      this.#edited();
      this.refresh();
    });
    textarea.addEventListener('blur', () => {
      options.onCursor(undefined);
    });
    document.addEventListener('selectionchange', () => {
      this.#tellCursor();
    });
  }

  /** The model holds something new. */
  refresh(): void {
    if (this.#isComposing) return;
    const { textarea } = this.#options;
    const [start, end] = [this.#placeAt(textarea.selectionStart), this.#placeAt(textarea.selectionEnd)];
    const direction = textarea.selectionDirection;
    const hadFocus = document.activeElement === textarea;
    this.#read();
    const text = this.#shown.join('');
    if (text !== textarea.value) {
      textarea.value = text;
      if (hadFocus) textarea.setSelectionRange(this.#offsetOf(start), this.#offsetOf(end), direction);
    }
    this.#draw();
  }

  showPeers(peers: readonly Peer[]): void {
    this.#peers = peers.filter(({ cursor }) => cursor !== undefined);
    this.#draw();
  }

  #edited(): void {
    const { textarea, model, onEdited } = this.#options;
    const edit = editOf(this.#shown, textarea.value, textarea.selectionEnd);
    if (edit === undefined) return;
    // By what the user saw: others may have changed the text while an input method was at work.
    const before = this.#ids[edit.place - 1];
    model.remove(this.#ids.slice(edit.place, edit.place + edit.removed));
    model.insert(before === undefined ? 0 : (model.placeAfter(before) ?? 0), edit.inserted);
    this.#read();
    // Inside a block of others, what is typed may come out elsewhere.
    if (this.#shown.join('') !== textarea.value) this.refresh();
    else this.#draw();
    onEdited();
    this.#tellCursor();
  }

  #read(): void {
    this.#ids = this.#options.model.clusters;
    this.#shown = this.#options.model.clusters.map(({ text }) => shown(text));
    this.#offsets = offsetsOf(this.#shown);
  }

  #tellCursor(): void {
    const { textarea, onCursor } = this.#options;
    if (document.activeElement !== textarea) return;
    const [start, end] = [this.#placeAt(textarea.selectionStart), this.#placeAt(textarea.selectionEnd)];
    onCursor(textarea.selectionDirection === 'backward' ? { anchor: end, head: start } : { anchor: start, head: end });
  }

  #placeAt(offset: number): Place {
    const before = this.#ids[lastAtMost(this.#offsets, offset) - 1];
    return before === undefined ? null : { author: before.author, clock: before.clock };
  }

  #offsetOf(place: Place): number {
    if (place === null) return 0;
    return this.#offsets[this.#options.model.placeAfter(place) ?? 0] ?? 0;
  }

  #draw(): void {
    const text = this.#shown.join('');
    const marks = this.#peers.map((peer) => this.#markOf(peer)).sort((a, b) => a.from - b.from);
    const cuts = [...new Set([0, text.length, ...marks.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
    const parts: (Node | string)[] = [];
    for (const [index, start] of cuts.entries()) {
      for (const { caret, peer } of marks) if (caret === start) parts.push(caretOf(peer));
      const piece = text.slice(start, cuts[index + 1] ?? start);
      const selection = marks.find(({ from, to }) => from <= start && start < to);
      parts.push(selection === undefined ? piece : selectionOf(selection.peer, piece));
    }
    // An empty last line has a height too.
    this.#options.mirror.replaceChildren(...parts, '\u200b');
  }

  #markOf(peer: Peer): Mark {
    const caret = this.#offsetOf(peer.cursor?.head ?? null);
    const anchor = this.#offsetOf(peer.cursor?.anchor ?? null);
    return { from: Math.min(anchor, caret), to: Math.max(anchor, caret), caret, peer };
  }
}

function caretOf({ name, color }: Peer): HTMLElement {
  const caret = element('span', { class: 'caret', 'data-name': name });
  caret.style.setProperty('--peer', color);
  return caret;
}

function selectionOf({ color }: Peer, text: string): HTMLElement {
  const selection = element('span', { class: 'selection' }, text);
  selection.style.setProperty('--peer', color);
  return selection;
}
