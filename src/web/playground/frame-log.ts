/** The last frames as they passed, readable. */
import { element } from '../shared/dom.js';

export interface FrameLogOptions {
  readonly list: HTMLElement;
  readonly count: HTMLElement;
  readonly pause: HTMLInputElement;
  readonly quiet: HTMLInputElement;
}

/** Frames that are kept. */
const MOST = 200;
/** Characters of a frame that are kept. */
const LONGEST = 20_000;
/** Characters of a value in a line. */
const BRIEF = 60;
const quietTypes = new Set(['ping', 'pong', 'ack', 'awareness_update', 'awareness_state', 'awareness_subscribe']);

export class FrameLog {
  readonly #options: FrameLogOptions;
  #total = 0;
  #waiting: HTMLElement[] = [];

  constructor(options: FrameLogOptions) {
    this.#options = options;
    const hide = (): void => {
      options.list.classList.toggle('without-quiet', options.quiet.checked);
    };
    options.quiet.addEventListener('change', hide);
    hide();
  }

  add(direction: 'in' | 'out', text: string): void {
    this.#total++;
    if (!this.#options.pause.checked) this.#waiting.push(rowOf(direction, text));
    if (this.#waiting.length > MOST) this.#waiting.shift();
    // Once for all frames of a picture.
    if (this.#waiting.length <= 1)
      requestAnimationFrame(() => {
        this.#show();
      });
  }

  clear(): void {
    this.#options.list.replaceChildren();
  }

  #show(): void {
    const { list, count } = this.#options;
    count.textContent = `${this.#total} frames`;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#waiting);
    this.#waiting = [];
    while (list.childElementCount > MOST) list.firstElementChild?.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

function rowOf(direction: 'in' | 'out', text: string): HTMLElement {
  const message = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const type = String(message['type']);
  const time = new Date().toTimeString().slice(0, 8);
  const summary = element(
    'summary',
    {},
    element('time', {}, time),
    element(
      'span',
      { class: 'arrow', title: direction === 'in' ? 'from the server' : 'to the server' },
      direction === 'in' ? '↓' : '↑',
    ),
    element('b', {}, type),
    element('span', { class: 'brief' }, briefOf(type, message)),
    element('span', { class: 'size' }, sizeOf(text.length)),
  );
  const details = element('details', {}, summary);
  const isQuiet = quietTypes.has(type);
  const row = element('li', { class: `${direction}${isQuiet ? ' quiet-frame' : ''}`, 'data-type': type }, details);
  // A slice keeps the whole text in memory, a copy of its characters does not.
  const kept = text.length > LONGEST ? `${Array.from(text.slice(0, LONGEST)).join('')}…` : text;
  details.addEventListener('toggle', () => {
    if (details.childElementCount === 1) details.append(element('pre', { tabindex: '0' }, pretty(kept)));
  });
  return row;
}

function briefOf(type: string, message: Readonly<Record<string, unknown>>): string {
  switch (type) {
    case 'delta':
      return `${String(message['field'])} = ${brief(message['value'])}`;
    case 'delta_batch':
      return (message['deltas'] as readonly Readonly<Record<string, unknown>>[])
        .map(({ type: kind, field, value }) =>
          kind === 'text-state' ? 'the text' : `${String(field)} = ${brief(value)}`,
        )
        .join(', ')
        .slice(0, 3 * BRIEF);
    case 'ack':
      return `of ${String(message['messageId'])}: stored`;
    case 'awareness_update':
      return brief((message['state'] as { readonly name?: unknown } | null)?.name ?? 'leaves');
    case 'sync_response':
      return `${Object.keys((message['state'] as object | undefined) ?? {}).length} fields${message['textState'] === undefined ? '' : ' and the text'}`;
    case 'error':
    case 'auth_error':
      return brief(message['error']);
    default:
      return '';
  }
}

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : ((JSON.stringify(value) as string | undefined) ?? '–');
  return text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text;
}

function sizeOf(characters: number): string {
  return characters < 1_024 ? `${characters} B` : `${Math.round(characters / 1_024)} KB`;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
