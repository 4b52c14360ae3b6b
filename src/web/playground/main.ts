/** The playground: one document, its fields and its text, with everybody else who has it open. */
import { byId, element, say } from '../shared/dom.js';
import { TokenStore } from '../shared/token.js';
import { Connection, type ConnectionState } from './connection.js';
import { FieldList } from './field-list.js';
import { FieldStore } from './field-store.js';
import { FrameLog } from './frame-log.js';
import { colorOf, Peers } from './peers.js';
import { Sync } from './sync.js';
import { TextEditor } from './text-editor.js';
import { TextModel } from './text-model.js';
import { UnsentStore } from './unsent.js';

const nameKey = 'synckit.playground.name';
/** Between two times that what is not acknowledged is kept for a reload, in ms. */
const KEEP_MS = 400;

const animals = [
  'Otter',
  'Heron',
  'Lynx',
  'Marten',
  'Plover',
  'Newt',
  'Ibex',
  'Wren',
  'Stoat',
  'Tapir',
  'Egret',
  'Vole',
];
const adjectives = ['Amber', 'Quick', 'Calm', 'Bright', 'Mossy', 'Silver', 'Brave', 'Merry', 'Swift', 'Gentle'];

// A tab that is duplicated has the same storage, so the id belongs to the page: two replicas must never share one.
const clientId = `web-${crypto.randomUUID().slice(0, 13)}`;
const documentId = new URLSearchParams(location.search).get('document') ?? 'playground';
const tokens = new TokenStore('synckit.playground.token');
tokens.takeFromAddress();

const url = new URL('ws', location.href);
url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
url.search = '';
url.hash = '';

const problem = byId('problem', HTMLElement);
const saved = byId('saved', HTMLElement);
const frames = new FrameLog({
  list: byId('frames', HTMLElement),
  count: byId('frame-count', HTMLElement),
  pause: byId('pause', HTMLInputElement),
  quiet: byId('quiet', HTMLInputElement),
});
const text = new TextModel(clientId);
const unsent = new UnsentStore(documentId);
const textarea = byId('text', HTMLTextAreaElement);
let keeping: number | undefined;

const connection = new Connection({
  url: url.href,
  token: () => tokens.token,
  onReady: () => {
    sync.join();
    peers.join();
  },
  onMessage: (message) => {
    sync.take(message);
    peers.take(message);
  },
  onState: showState,
  onRoundTrip: (milliseconds) => {
    byId('latency', HTMLElement).textContent = spell(milliseconds);
  },
  onFrame: (direction, frame) => {
    frames.add(direction, frame);
  },
});
const fields: FieldStore = new FieldStore({
  clientId,
  onChanged: (name) => {
    list.refresh(name);
    byId('no-fields', HTMLElement).hidden = fields.names.length > 0;
  },
  onWritten: () => {
    sync.wrote();
  },
});
const sync: Sync = new Sync({
  ...{ documentId, clientId, connection, fields, text },
  onText: () => {
    editor.refresh();
  },
  onJoined: () => {
    textarea.disabled = false;
    document.body.dataset['joined'] = 'true';
  },
  onSaved: showSaved,
  onProblem: (sentence) => {
    say(problem, sentence);
  },
});
const peers = new Peers(
  { name: nameOf(), color: colorOf(nameOf()) },
  { documentId, clientId, connection, onChanged: showPeers },
);
const editor = new TextEditor({
  textarea,
  mirror: byId('mirror', HTMLElement),
  model: text,
  onEdited: () => {
    sync.textEdited();
  },
  onCursor: (cursor) => {
    peers.tell({ cursor });
  },
});
const list = new FieldList({
  list: byId('fields', HTMLElement),
  store: fields,
  onEditing: (field) => {
    peers.tell({ field });
  },
});

function start(): void {
  const own = byId('name', HTMLInputElement);
  own.value = peers.own.name;
  own.addEventListener('input', () => {
    const name = own.value.trim() === '' ? 'Somebody' : own.value.trim();
    sessionStorage.setItem(nameKey, name);
    peers.tell({ name, color: colorOf(name) });
    showPeers();
  });
  byId('document', HTMLInputElement).value = documentId;
  const field = byId('new-field', HTMLInputElement);
  byId('add-field', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name === '') return;
    if (fields.get(name) === undefined) fields.write(name, '');
    field.value = '';
    list.focus(name);
  });
  byId('sign-in', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    tokens.token = byId('token', HTMLInputElement).value.trim();
    connection.connect();
  });
  byId('clear', HTMLButtonElement).addEventListener('click', () => {
    frames.clear();
  });
  textarea.addEventListener('beforeinput', ({ data, dataTransfer }) => {
    const { value, maxLength, selectionStart, selectionEnd } = textarea;
    const added = (data ?? dataTransfer?.getData('text/plain') ?? '').length;
    const isTooMuch = added > 0 && value.length - (selectionEnd - selectionStart) + added > maxLength;
    // The browser leaves out what does not fit, and says nothing.
    say(byId('full', HTMLElement), isTooMuch ? `The text is full: it holds ${maxLength} characters.` : '');
  });
  addEventListener('pagehide', keep);
  restore();
  showPeers();
  connection.connect();
}

/** What an earlier page of this tab has written and nobody has acknowledged. */
function restore(): void {
  const kept = unsent.load();
  if (kept === undefined) return;
  for (const write of kept.writes) fields.restore(write);
  if (kept.text === undefined) return;
  text.merge(kept.text);
  editor.refresh();
  sync.textEdited();
}

function keep(): void {
  clearTimeout(keeping);
  keeping = undefined;
  const isKept = unsent.save({
    writes: fields.unacknowledged,
    text: sync.isTextStored ? undefined : text.state(),
  });
  if (!isKept) say(problem, 'What waits is too large to survive a reload of this page.');
}

function showState(state: ConnectionState, why: string): void {
  if (state !== 'online') {
    sync.left();
    peers.left();
  }
  const pill = byId('state', HTMLElement);
  pill.dataset['state'] = state;
  const words = { connecting: 'connecting', online: 'connected', waiting: 'reconnecting', refused: 'token needed' };
  pill.textContent = words[state];
  byId('sign-in', HTMLElement).hidden = state !== 'refused';
  if (state === 'refused') say(byId('refusal', HTMLElement), why);
  if (state !== 'online') byId('latency', HTMLElement).textContent = '–';
}

function showSaved(isSaved: boolean, milliseconds: number | undefined): void {
  keeping ??= setTimeout(keep, KEEP_MS);
  saved.dataset['saved'] = String(isSaved);
  if (sync.isTextRefused) saved.textContent = 'not stored';
  else if (!isSaved) saved.textContent = connection.isReady ? 'saving…' : 'waits for the server';
  else saved.textContent = 'stored';
  if (milliseconds !== undefined) byId('ack', HTMLElement).textContent = spell(milliseconds);
}

function showPeers(): void {
  const others = [...peers.others.values()];
  editor.showPeers(others);
  list.showPeers(others);
  const chips = [peers.own, ...others].map(({ name, color }, index) => {
    const chip = element('li', { class: 'chip' }, index === 0 ? `${name} (you)` : name);
    chip.style.setProperty('--peer', color);
    return chip;
  });
  byId('peers', HTMLElement).replaceChildren(...chips);
}

function nameOf(): string {
  const known = sessionStorage.getItem(nameKey);
  if (known !== null) return known;
  const name = `${pick(adjectives)} ${pick(animals)}`;
  sessionStorage.setItem(nameKey, name);
  return name;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? '';
}

function spell(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}

start();
