/** Keeps one document in step with the server: asks for it, takes what comes, and sends what the user does. */
import { codeOf, detailsOf, isRetryable, type Connection, type ErrorDetails, type Message } from './connection.js';
import type { Clock, FieldStore, Write } from './field-store.js';
import { LARGE, SUSPICIOUS, type InFlight } from './in-flight.js';
import type { TextModel } from './text-model.js';

export interface SyncOptions {
  readonly documentId: string;
  readonly clientId: string;
  readonly connection: Connection;
  readonly fields: FieldStore;
  readonly text: TextModel;
  /** The text holds something new. */
  readonly onText: () => void;
  /** Everything that was there when it connected is here. */
  readonly onJoined: () => void;
  /** @param milliseconds From a write to its ack; undefined when nothing was sent just now. */
  readonly onSaved: (isSaved: boolean, milliseconds: number | undefined) => void;
  /** Something was refused, as a sentence; empty: nothing is any more. */
  readonly onProblem: (sentence: string) => void;
}

/** What was typed within this time leaves as one message, in ms. */
const GATHER_MS = 30;
/** Where the server does not say when to send a message again, in ms. */
const RETRY_MS = 1_000;
/** Between two looks whether a deleted document is there again, in ms. */
const RETURN_MS = 5_000;
/** For so long at least a refusal is shown, in ms: what else is stored meanwhile does not undo it. */
const TOLD_MS = 5_000;

export class Sync {
  readonly #options: SyncOptions;
  /** Edits of the text: how many there were, and how many of them are stored. */
  #edits = 0;
  #storedEdits = 0;
  /** The message on its way. */
  #inFlight: InFlight | undefined;
  /** A message of several operations was refused as a whole: each is sent by itself, to find the one that is not taken. */
  #isOneByOne = false;
  /** Why the text as it is now is not taken. */
  #textRefusal: string | undefined;
  #toldAt = -Infinity;
  /** Connections that ended with a large message on its way, one after the other. */
  #losses = 0;
  #timer: number | undefined;
  #rejoining: number | undefined;
  #isJoined = false;
  /** The document is deleted. */
  #isEnded = false;
  /** What was told last is over once the document is here. */
  #isToldUntilAnswer = false;
  #clock = 0;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** Whether a reload would bring back all of the text, or it must not come back. */
  get isTextStored(): boolean {
    return !this.#hasTextToSend && (this.#textRefusal === undefined || this.#textRefusal === 'TEXT_ERASED');
  }

  /** The server does not take the text as it is. */
  get isTextRefused(): boolean {
    return this.#textRefusal !== undefined;
  }

  get isSaved(): boolean {
    return !this.#hasWork && !this.isTextRefused;
  }

  get #hasTextToSend(): boolean {
    return this.#storedEdits !== this.#edits;
  }

  get #hasWork(): boolean {
    return this.#hasTextToSend || this.#options.fields.unacknowledged.length > 0;
  }

  /** The connection is ready: what was missed is asked for first. */
  join(): void {
    const { connection, documentId, clientId, fields } = this.#options;
    clearTimeout(this.#rejoining);
    this.#lost();
    const vectorClock = this.#isEnded ? undefined : fields.vector;
    const request = { documentId, clientId };
    if (vectorClock === undefined) connection.send('subscribe', request);
    else connection.send('sync_request', { ...request, vectorClock });
  }

  /** The connection has ended. */
  left(): void {
    clearTimeout(this.#rejoining);
    if (this.#inFlight !== undefined) this.#losses = this.#inFlight.isLarge ? this.#losses + 1 : 0;
    this.#lost();
    if (this.#losses >= SUSPICIOUS) {
      this.#problem('The connection ends whenever this text is sent: it may be too large for the server.');
    }
    this.#tell(undefined);
  }

  textEdited(): void {
    this.#edits++;
    this.wrote();
  }

  /** There is something to send. */
  wrote(): void {
    this.#tell(undefined);
    this.#plan(GATHER_MS);
  }

  take(message: Message): void {
    const { documentId } = this.#options;
    switch (message.type) {
      case 'sync_response':
        if (message['documentId'] === documentId) this.#answered(message);
        return;
      case 'delta':
        if (message['documentId'] === documentId) this.#delta(message);
        return;
      case 'delta_batch':
        if (message['documentId'] === documentId) this.#operations(message['deltas']);
        return;
      case 'ack':
        if (message['messageId'] === this.#inFlight?.id) this.#acknowledged();
        return;
      case 'error':
        this.#refused(message);
        return;
      default:
    }
  }

  #answered(message: Message): void {
    const { fields, text, onText, onJoined } = this.#options;
    const clock = message['clock'] as Clock;
    this.#operations(message['deltas']);
    const { state, textState } = message;
    if (state !== undefined) fields.receiveAll(state as Record<string, unknown>, clock);
    else fields.see(clock);
    if (typeof textState === 'string') this.#mergeText(textState);
    else if (this.#isEnded && !this.#hasTextToSend) {
      // It was erased with the document.
      text.clear();
      onText();
    }
    if (this.#isToldUntilAnswer) this.#options.onProblem('');
    this.#isJoined = true;
    this.#isEnded = this.#isToldUntilAnswer = false;
    onJoined();
    this.#plan(0);
  }

  #delta(message: Message): void {
    const { fields } = this.#options;
    const clock = (message['clock'] ?? message['vectorClock']) as Clock;
    const { field, delta } = message;
    if (typeof field === 'string') fields.receive(field, message['value'], clock);
    for (const [name, value] of Object.entries((delta as object | undefined) ?? {})) fields.receive(name, value, clock);
  }

  #operations(operations: unknown): void {
    if (!Array.isArray(operations)) return;
    for (const operation of operations as readonly Record<string, unknown>[]) {
      const { type, field, value, clock, state } = operation;
      if (type === 'text-state' && typeof state === 'string') this.#mergeText(state);
      else if (typeof field === 'string') this.#options.fields.receive(field, value, clock as Clock);
    }
  }

  #mergeText(state: string): void {
    if (this.#options.text.merge(state)) this.#options.onText();
  }

  #plan(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, delayMs);
  }

  /** One message is on its way at a time, so that a slow link gets as many as it takes. */
  #flush(): void {
    const { connection, documentId, fields } = this.#options;
    if (!this.#isJoined || !connection.isReady || this.#inFlight !== undefined || !this.#hasWork) return;
    const writes = fields.take(this.#isOneByOne ? 1 : Infinity).map((write) => this.#operationOf(write));
    const text = this.#isOneByOne && writes.length > 0 ? [] : this.#textOperation();
    const deltas = [...writes, ...text];
    const id = connection.send('delta_batch', { documentId, deltas });
    const hasText = text.length > 0;
    this.#inFlight = {
      ...{ id, hasText, operations: deltas.length, at: performance.now() },
      edits: hasText ? this.#edits : this.#storedEdits,
      isLarge: hasText && text.some(({ state }) => state.length > LARGE),
    };
  }

  #operationOf({ field, value, counter, clientId, timestamp }: Write): object {
    const { documentId } = this.#options;
    return { type: 'set', documentId, field, value, clock: { [clientId]: counter }, clientId, timestamp };
  }

  #textOperation(): { readonly state: string; readonly [key: string]: unknown }[] {
    if (!this.#hasTextToSend) return [];
    const { documentId, clientId, text } = this.#options;
    const clock = ++this.#clock;
    return [{ type: 'text-state', documentId, state: text.state(), clientId, clock, timestamp: Date.now() }];
  }

  #acknowledged(): void {
    const sent = this.#inFlight;
    if (sent === undefined) return;
    this.#inFlight = undefined;
    this.#losses = 0;
    this.#storedEdits = sent.edits;
    if (sent.hasText) this.#textRefusal = undefined;
    this.#options.fields.acknowledged();
    if (!this.isTextRefused && performance.now() - this.#toldAt > TOLD_MS) this.#options.onProblem('');
    this.#tell(performance.now() - sent.at);
    if (this.#hasWork) this.#plan(0);
    else this.#isOneByOne = false;
  }

  #refused(message: Message): void {
    const { fields } = this.#options;
    const details = detailsOf(message);
    const sent = this.#inFlight;
    this.#problem(String(message['error']));
    if (sent === undefined || details?.messageId !== sent.id) {
      this.#refusedElse(message, details);
      return;
    }
    this.#inFlight = undefined;
    if (isRetryable(message)) {
      fields.lost();
      this.#plan(details.retryAfterMs ?? RETRY_MS);
      return;
    }
    if (codeOf(message) === 'DOCUMENT_DELETED') {
      this.#ended();
      return;
    }
    if (sent.operations > 1) {
      // Nothing of it was applied, and most of it may be taken.
      this.#isOneByOne = true;
      fields.lost();
      this.#plan(0);
      return;
    }
    // It is never taken: the fields are shown as the server has them, and of the text it stays on this page only.
    fields.refused();
    this.#storedEdits = sent.edits;
    if (sent.hasText) this.#textRefusal = codeOf(message) ?? '';
    this.join();
    this.#tell(undefined);
  }

  /** What is refused is no write of this page. */
  #refusedElse(message: Message, details: ErrorDetails | undefined): void {
    this.#isToldUntilAnswer = true;
    const isOfThis = details?.documentId === this.#options.documentId;
    if (isOfThis && codeOf(message) === 'DOCUMENT_DELETED') this.#ended();
    // A document that can't be loaded now can be later.
    else if (!this.#isJoined && isRetryable(message)) this.#rejoin(details?.retryAfterMs ?? RETRY_MS);
  }

  /** The document is deleted, and nothing comes of it any more, until it is asked for after it was restored. */
  #ended(): void {
    this.#isEnded = this.#isToldUntilAnswer = true;
    this.#lost();
    this.#tell(undefined);
    this.#rejoin(RETURN_MS);
  }

  #rejoin(delayMs: number): void {
    clearTimeout(this.#rejoining);
    this.#rejoining = setTimeout(() => {
      if (!this.#isJoined && this.#options.connection.isReady) this.join();
    }, delayMs);
  }

  #problem(sentence: string): void {
    this.#toldAt = performance.now();
    this.#isToldUntilAnswer = false;
    this.#options.onProblem(sentence);
  }

  #lost(): void {
    this.#isJoined = false;
    this.#inFlight = undefined;
    this.#options.fields.lost();
  }

  #tell(milliseconds: number | undefined): void {
    this.#options.onSaved(this.isSaved, milliseconds);
  }
}
