/** The fields as a form: a row for each, edited by typing. */
import { element } from '../shared/dom.js';
import { removed, type FieldStore } from './field-store.js';
import type { Peer } from './peers.js';

export interface FieldListOptions {
  readonly list: HTMLElement;
  readonly store: FieldStore;
  /** Undefined when no field is edited any more. */
  readonly onEditing: (field: string | undefined) => void;
}

interface Row {
  readonly row: HTMLElement;
  readonly input: HTMLInputElement;
}

export class FieldList {
  readonly #options: FieldListOptions;
  readonly #rows = new Map<string, Row>();

  constructor(options: FieldListOptions) {
    this.#options = options;
  }

  /** A field has another value, or none. */
  refresh(name: string): void {
    const value = this.#options.store.get(name);
    const row = this.#rows.get(name);
    if (value === undefined) {
      row?.row.remove();
      this.#rows.delete(name);
      return;
    }
    const { input } = row ?? this.#add(name);
    show(input, textOf(value));
    input.classList.toggle('json', typeof value !== 'string');
  }

  focus(name: string): void {
    this.#rows.get(name)?.input.focus();
  }

  showPeers(peers: readonly Peer[]): void {
    for (const [name, { row }] of this.#rows) {
      const editor = peers.find(({ field }) => field === name);
      row.classList.toggle('edited', editor !== undefined);
      row.style.setProperty('--peer', editor?.color ?? 'transparent');
      row.title = editor === undefined ? '' : `${editor.name} is here`;
    }
  }

  #add(name: string): Row {
    const { list, store, onEditing } = this.#options;
    const id = `field-${crypto.randomUUID()}`;
    const input = element('input', { id, type: 'text', autocomplete: 'off', spellcheck: 'false' });
    const remove = element('button', { type: 'button', class: 'quiet', 'aria-label': `Remove ${name}` }, '×');
    const row = element('li', { 'data-field': name }, element('label', { for: id }, name), input, remove);
    input.addEventListener('input', () => {
      store.write(name, valueOf(input.value, store.get(name)));
    });
    input.addEventListener('focus', () => {
      onEditing(name);
    });
    input.addEventListener('blur', () => {
      onEditing(undefined);
    });
    remove.addEventListener('click', () => {
      store.write(name, removed);
    });
    const next = [...this.#rows.keys()].filter((other) => other > name).sort()[0];
    list.insertBefore(row, next === undefined ? null : (this.#rows.get(next)?.row ?? null));
    const made = { row, input };
    this.#rows.set(name, made);
    return made;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What is typed is a string, except where JSON takes the place of JSON. */
function valueOf(text: string, before: unknown): unknown {
  if (typeof before === 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Replaces what an input shows, with the caret where it was in the text. */
function show(input: HTMLInputElement, text: string): void {
  const before = input.value;
  if (before === text) return;
  const caret = input.selectionStart ?? before.length;
  let same = 0;
  while (same < caret && before[same] === text[same]) same++;
  input.value = text;
  if (document.activeElement !== input) return;
  const place = same === caret ? caret : Math.max(same, caret + text.length - before.length);
  input.setSelectionRange(place, place);
}
