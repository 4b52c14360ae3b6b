import { TextRefused, type TextMergeResult, type TextStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import type { TextOperation } from '../../protocol/operations.js';
import type { Origin } from '../../messages/task.js';
import type { Author } from '../../storage/history/port.js';
import type { TextUpdate } from '../../storage/port.js';
import { FULL_TEXT } from './full-text.js';
import { KnownUpdates } from './known-updates.js';
import { replaceText, type Replaced, type ReplaceLimits } from './replace/replace-text.js';

/** Authors of one commit whose clients are named in a history; of those beyond, the users are. */
const MAX_NAMED = 32;

/** The collaborative text of a document in memory. */
export interface LoadedText {
  /** Of the text core. */
  readonly handle: number;
  /** The core's version of what is stored, or will be with the batches under way. */
  stored: number;
  /** Those that it is stored in. */
  readonly updates: KnownUpdates;
  /** Who has written what is not stored yet; undefined where no history is kept. */
  authors?: Author[];
}

/**
 * Makes a text of its stored updates.
 *
 * @returns The text, and whether an update is missing that others build on.
 * @throws TextRefused when an update can't be read.
 */
export function loadText(core: TextStore, updates: readonly TextUpdate[]): { text: LoadedText; incomplete: boolean } {
  const handle = core.open();
  try {
    const { incomplete } = core.apply(
      handle,
      updates.map(({ bytes }) => bytes),
    );
    const known = new KnownUpdates();
    for (const { id, bytes } of updates) known.add(id, bytes.length);
    return { text: { handle, stored: core.version(handle), updates: known }, incomplete };
  } catch (error) {
    if (error instanceof TextRefused) core.close(handle);
    throw error;
  }
}

/** A text that nothing is in yet. */
export function openText(core: TextStore): LoadedText {
  return { handle: core.open(), stored: 0, updates: new KnownUpdates() };
}

/** A session that sent states in this flush, and how the last of them compares with the text. */
export interface TextSender {
  readonly origin: Origin;
  operation: TextOperation;
  /** Whether the text was what it sent, after joining it. */
  same: boolean;
  /** The escaped text of such a state, if it can be sent on as it came. */
  asSent: Uint8Array | undefined;
}

const noState: TextOperation = { state: Buffer.alloc(0), clientId: undefined, clock: undefined, clockMax: 0 };
const nobody: ReadonlyMap<number, TextSender> = new Map();

/** One flush of one document's text: joins the states that are due, and knows afterwards which sessions are to be answered. */
export class TextJoin {
  /** Whether the text gained anything. */
  changed = false;
  /** States that were joined. */
  operations = 0;
  /** Largest entry of the clocks that came. */
  clockMax = 0;
  /** Made when a state comes: most flushes have none. */
  #senders: Map<number, TextSender> | undefined;
  readonly #core: TextStore;
  readonly #text: () => LoadedText;
  readonly #keepsHistory: boolean;

  /**
   * @param text The document's text, which is made when it has none.
   * @param keepsHistory Whether it is noted who wrote.
   */
  constructor(core: TextStore, text: () => LoadedText, keepsHistory = false) {
    this.#keepsHistory = keepsHistory;
    this.#core = core;
    this.#text = text;
  }

  /** By session. */
  get senders(): ReadonlyMap<number, TextSender> {
    return this.#senders ?? nobody;
  }

  /**
   * Joins a client's state.
   *
   * @param userId Who writes, where history is kept.
   * @throws ProtocolError INVALID_DELTA, DOCUMENT_TOO_LARGE, with nothing changed.
   */
  apply(operation: TextOperation, origin: Origin, userId?: string): void {
    const { changed, same, canonical } = this.#join(operation.state);
    this.operations++;
    this.clockMax = Math.max(this.clockMax, operation.clockMax);
    if (changed) {
      this.#noteAuthor({ userId, clientId: operation.clientId });
      this.changed = true;
      // What the others sent is not the text any more.
      for (const sender of this.senders.values()) sender.same = false;
    }
    this.#senders ??= new Map();
    const known = this.#senders.get(origin.session);
    const asSent = same && canonical ? operation.state : undefined;
    if (known === undefined) this.#senders.set(origin.session, { origin, operation, same, asSent });
    else Object.assign(known, { operation, same, asSent });
  }

  /**
   * Makes the text show a content.
   *
   * @param author See `replaceText`.
   * @throws ProtocolError INVALID_DELTA, DOCUMENT_TOO_LARGE, with nothing changed.
   */
  replace(content: string, origin: Origin, author: string, limits: ReplaceLimits, userId?: string): Replaced {
    const replaced = replaceText(this.#core, this.#text().handle, content, author, limits);
    const changed = replaced !== 'same';
    this.operations++;
    if (changed) {
      this.#noteAuthor({ userId });
      this.changed = true;
      for (const sender of this.senders.values()) sender.same = false;
    }
    this.#senders ??= new Map();
    this.#senders.set(origin.session, { origin, operation: noState, same: true, asSent: undefined });
    return replaced;
  }

  #noteAuthor(author: Author): void {
    if (!this.#keepsHistory) return;
    const authors = (this.#text().authors ??= []);
    const isKnown = authors.some(({ userId, clientId }) => userId === author.userId && clientId === author.clientId);
    if (isKnown) return;
    const { userId, clientId } = author;
    // Anybody may call his client something else with each message; of the users none is left out.
    if (clientId !== undefined && authors.length >= MAX_NAMED) this.#noteAuthor({ userId });
    else authors.push(author);
  }

  #join(state: Buffer): TextMergeResult {
    try {
      return this.#core.merge(this.#text().handle, state, true);
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      if (error.fault !== 'tooLarge') throw new ProtocolError('INVALID_DELTA', error.message);
      throw new ProtocolError('DOCUMENT_TOO_LARGE', `${error.message}. ${FULL_TEXT}`);
    }
  }
}
