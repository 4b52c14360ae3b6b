/** Keeps one document in step with the server: asks for it, takes what comes, and sends what the user does. */
import { codeOf, type Connection, type Message } from './connection.js';
import { removed, type Clock, type FieldStore, type Write } from './field-store.js';
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

export class Sync {
  readonly #options: SyncOptions;
  /** Edits of the text: how many there were, and how many of them are stored. */
  #edits = 0;
  #storedEdits = 0;
  /** The message on its way. */
  #inFlight: { readonly id: string; readonly edits: number; readonly at: number } | undefined;
  #timer: number | undefined;
  #isJoined = false;
  #clock = 0;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  get isTextStored(): boolean {
    return this.#storedEdits === this.#edits;
  }

  get isSaved(): boolean {
    return this.isTextStored && this.#options.fields.unacknowledged.length === 0;
  }

  /** The connection is ready: what was missed is asked for first. */
  join(): void {
    const { connection, documentId, clientId, fields } = this.#options;
    this.#lost();
    const vectorClock = fields.vector;
    const request = { documentId, clientId };
    if (vectorClock === undefined) connection.send('subscribe', request);
    else connection.send('sync_request', { ...request, vectorClock });
  }

  /** The connection has ended. */
  left(): void {
    this.#lost();
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
    const { fields, onJoined } = this.#options;
    const clock = message['clock'] as Clock;
    this.#operations(message['deltas']);
    const { state, textState } = message;
    if (state !== undefined) fields.receiveAll(state as Record<string, unknown>, clock);
    else fields.see(clock);
    if (typeof textState === 'string') this.#mergeText(textState);
    this.#isJoined = true;
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
    if (!this.#isJoined || !connection.isReady || this.#inFlight !== undefined || this.isSaved) return;
    const deltas = [...fields.take().map((write) => this.#operationOf(write)), ...this.#textOperation()];
    const id = connection.send('delta_batch', { documentId, deltas });
    this.#inFlight = { id, edits: this.#edits, at: performance.now() };
  }

  #operationOf({ field, value, counter, clientId, timestamp }: Write): object {
    const { documentId } = this.#options;
    return { type: 'set', documentId, field, value, clock: { [clientId]: counter }, clientId, timestamp };
  }

  #textOperation(): object[] {
    if (this.isTextStored) return [];
    const { documentId, clientId, text } = this.#options;
    const clock = ++this.#clock;
    return [{ type: 'text-state', documentId, state: text.state(), clientId, clock, timestamp: Date.now() }];
  }

  #acknowledged(): void {
    const sent = this.#inFlight;
    if (sent === undefined) return;
    this.#inFlight = undefined;
    this.#storedEdits = sent.edits;
    this.#options.fields.acknowledged();
    this.#options.onProblem('');
    this.#tell(performance.now() - sent.at);
    if (!this.isSaved) this.#plan(0);
  }

  #refused(message: Message): void {
    const { fields, onProblem } = this.#options;
    const details = message['details'] as { readonly messageId?: string; readonly retryAfterMs?: number } | undefined;
    const sentence = String(message['error']);
    if (details?.messageId !== this.#inFlight?.id || this.#inFlight === undefined) {
      const isRead = !this.#isJoined;
      // A document that can't be loaded now can be later.
      if (isRead && isRetryable(message))
        setTimeout(() => {
          if (!this.#isJoined && this.#options.connection.isReady) this.join();
        }, details?.retryAfterMs ?? RETRY_MS);
      onProblem(sentence);
      return;
    }
    const { edits } = this.#inFlight;
    this.#inFlight = undefined;
    onProblem(sentence);
    if (isRetryable(message)) {
      fields.lost();
      this.#plan(details?.retryAfterMs ?? RETRY_MS);
      return;
    }
    // It is never taken: the fields are shown as the server has them, and of the text it stays on this page only.
    fields.refused();
    this.#storedEdits = edits;
    this.join();
    this.#tell(undefined);
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

const retryable = new Set(['RATE_LIMIT_EXCEEDED', 'STORAGE_UNAVAILABLE', 'SHUTTING_DOWN', 'INTERNAL']);

function isRetryable(message: Message): boolean {
  return retryable.has(codeOf(message) ?? '');
}

/** Removes a field, for everybody. */
export function removeField(fields: FieldStore, name: string): void {
  fields.write(name, removed);
}
