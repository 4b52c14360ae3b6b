import { notOpen } from '../lib/fields-store.js';
import type { TextEdit, VisibleText } from '../lib/text-edit.js';
import { clusterCount, splitClusters } from './graphemes.js';
import { editOf } from './text-edit.js';
import { readChanges, writeChanges } from './text-changes.js';
import { joinRuns, type Joined, type TextMark } from './text-join.js';
import { documentOrder } from './text-order.js';
import { compareRuns, sameContent, toBlock, toRun, type TextRun } from './text-run.js';
import { invalid, readTextState, writeBlocks, writeTextState, type TextState } from './text-state.js';
import { TextRefused, type TextApplyResult, type TextMergeResult, type TextStore } from '../lib/text-store.js';

export interface ReferenceTextOptions {
  /** Bytes that a state may have after a merge; default 1 GiB. */
  readonly mostBytes?: number;
}

/** A run, and the versions that brought its clusters and that last deleted or cut it. */
interface Held {
  readonly run: TextRun;
  readonly added: number;
  readonly changed: number;
}

interface ReferenceDocument {
  /** What each author wrote, ascending. */
  readonly authors: Map<string, readonly Held[]>;
  readonly clock: number;
  readonly version: number;
  /** That of the first state merged; nothing depends on it. */
  readonly clientId: string | undefined;
}

interface Gain {
  readonly document: ReferenceDocument;
  readonly changed: boolean;
  readonly incomplete: boolean;
}

/** Bytes of a run besides its text, about. */
const runBytes = 250;

/**
 * The reference implementation of the text part of the WASM core, as short as it can be: the model that the core is
 * tested against. Only the encoding that `changesSince` returns is not the same.
 */
export class ReferenceText implements TextStore {
  readonly #documents = new Map<number, ReferenceDocument>();
  readonly #mostBytes: number;
  #lastHandle = 0;

  constructor(options: ReferenceTextOptions = {}) {
    this.#mostBytes = options.mostBytes ?? 2 ** 30;
  }

  get memoryBytes(): number {
    return [...this.#documents.keys()].reduce((sum, handle) => sum + this.byteSize(handle), 0);
  }

  open(): number {
    this.#documents.set(++this.#lastHandle, { authors: new Map(), clock: 0, version: 0, clientId: undefined });
    return this.#lastHandle;
  }

  close(handle: number): void {
    this.#document(handle);
    this.#documents.delete(handle);
  }

  merge(handle: number, state: Uint8Array, escaped: boolean): TextMergeResult {
    const before = this.#document(handle);
    const given = decode(state);
    const incoming = readTextState(escaped ? unescape(given) : given);
    const { document, changed } = joined(before, [incoming], []);
    const written = write(document);
    if (Buffer.byteLength(written) > this.#mostBytes) throw new TextRefused('tooLarge', 'the text would be too large');
    this.#documents.set(handle, document);
    const canonical = writeTextState(incoming);
    return {
      changed,
      same: writeBlocks(incoming.blocks) === writeBlocks(runsOf(document).map(toBlock)),
      canonical: given === (escaped ? escape(canonical) : canonical),
    };
  }

  state(handle: number, escaped: boolean): Uint8Array<ArrayBuffer> {
    const state = write(this.#document(handle));
    return new TextEncoder().encode(escaped ? escape(state) : state);
  }

  version(handle: number): number {
    return this.#document(handle).version;
  }

  clock(handle: number): number {
    return this.#document(handle).clock;
  }

  changesSince(handle: number, version: number): Uint8Array<ArrayBuffer> {
    const { authors, clock, clientId = '' } = this.#document(handle);
    const held = [...authors.values()].flat();
    const added = held.filter((entry) => entry.added > version);
    const changed = held.filter((entry) => entry.added <= version && entry.changed > version);
    const state = { blocks: added.map(({ run }) => toBlock(run)), clock, clientId };
    return new TextEncoder().encode(writeChanges({ state, marks: changed.map(({ run }) => run) }));
  }

  apply(handle: number, changes: readonly Uint8Array[]): TextApplyResult {
    const before = this.#document(handle);
    const read = changes.map((bytes) => readChanges(decode(bytes)));
    const states = read.map(({ state }) => state);
    const marks = read.flatMap((change) => change.marks);
    const { document, changed, incomplete } = joined(before, states, marks);
    this.#documents.set(handle, document);
    return { changed, incomplete };
  }

  text(handle: number): string {
    const visible = documentOrder(runsOf(this.#document(handle))).filter((run) => !run.deleted);
    return visible.map((run) => run.text).join('');
  }

  visible(handle: number): VisibleText {
    const runs = documentOrder(runsOf(this.#document(handle))).filter((run) => !run.deleted);
    return {
      text: runs.map((run) => run.text).join(''),
      blocks: runs.map(({ author, first, last, text }) => ({ author, first, last, units: text.length })),
    };
  }

  clusterEnds(text: string): Uint32Array {
    let end = 0;
    return Uint32Array.from(splitClusters(text), (cluster) => (end += cluster.length));
  }

  edit(handle: number, edit: TextEdit): TextApplyResult {
    const before = this.#document(handle);
    const { state, marks } = editOf(edit, before.clock);
    const { document, changed, incomplete } = joined(before, [state], marks);
    this.#documents.set(handle, document);
    return { changed, incomplete };
  }

  length(handle: number): number {
    const visible = documentOrder(runsOf(this.#document(handle))).filter((run) => !run.deleted);
    return visible.reduce((sum, run) => sum + clusterCount(run.text), 0);
  }

  blockCount(handle: number): number {
    return runsOf(this.#document(handle)).length;
  }

  stateSize(handle: number): number {
    return Buffer.byteLength(write(this.#document(handle)));
  }

  byteSize(handle: number): number {
    return runsOf(this.#document(handle)).reduce((sum, { text }) => sum + text.length + runBytes, 0);
  }

  #document(handle: number): ReferenceDocument {
    const document = this.#documents.get(handle);
    if (document === undefined) throw notOpen(handle);
    return document;
  }
}

/** The document with states and marks joined into it. */
function joined(before: ReferenceDocument, states: readonly TextState[], marks: readonly TextMark[]): Gain {
  const next = before.version + 1;
  const blocks = states.flatMap((state) => state.blocks);
  const clock = Math.max(before.clock, ...clocks(states));
  const authors = new Map(before.authors);
  let changed = clock > before.clock;
  let incomplete = false;
  const runs = blocks.map(toRun).filter((run) => run.text !== '');
  for (const [author, pieces] of byAuthor([...runs, ...marks])) {
    const old = before.authors.get(author) ?? [];
    const result = joinRuns([...old.map(({ run }) => run), ...pieces]);
    const held = stamp(old, result, next);
    incomplete ||= result.incomplete;
    if (held.length === old.length && held.every((entry, index) => entry === old[index])) continue;
    changed = true;
    authors.set(author, held);
  }
  const clientId = before.clientId ?? states[0]?.clientId;
  const version = changed ? next : before.version;
  return { document: { authors, clock, version, clientId }, changed, incomplete };
}

function byAuthor<Piece extends TextMark>(pieces: readonly Piece[]): Map<string, Piece[]> {
  const authors = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const list = authors.get(piece.author);
    if (list === undefined) authors.set(piece.author, [piece]);
    else list.push(piece);
  }
  return authors;
}

function clocks(states: readonly TextState[]): number[] {
  return states.map(({ clock, blocks }) => blocks.reduce((most, { id }) => Math.max(most, id.clock), clock));
}

/** Gives each run the versions of the one that had its clusters before, which it is or which was cut or deleted. */
function stamp(old: readonly Held[], { runs, disputed }: Joined, version: number): Held[] {
  let place = 0;
  return runs.map((run) => {
    while ((old[place]?.run.last ?? Infinity) < run.first) place++;
    const held = old[place];
    if (held === undefined || held.run.first > run.first) return { run, added: version, changed: version };
    if (held.run === run || equalRuns(held.run, run)) return held;
    return { run, added: disputed.has(run) ? version : held.added, changed: version };
  });
}

function equalRuns(a: TextRun, b: TextRun): boolean {
  return a.first === b.first && a.last === b.last && a.deleted === b.deleted && sameContent(a, b);
}

/** All runs in id order. */
function runsOf({ authors }: ReferenceDocument): TextRun[] {
  return [...authors.values()].flatMap((held) => held.map(({ run }) => run)).sort(compareRuns);
}

function write(document: ReferenceDocument): string {
  const { clock, clientId = '' } = document;
  return writeTextState({ blocks: runsOf(document).map(toBlock), clock, clientId });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid('it is not UTF-8');
  }
}

function escape(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function unescape(content: string): string {
  try {
    return JSON.parse(`"${content}"`) as string;
  } catch {
    throw invalid('it is not the content of a string');
  }
}
