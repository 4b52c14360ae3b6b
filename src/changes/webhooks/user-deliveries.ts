/**
 * Tells the webhook of users who come and go. These events are of the moment: they are not stored. They are tried some times,
 * in order for each document, and are lost with the process, or when too many wait.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { userMessageOf, type Message } from './event.js';
import type { SendResult } from './send.js';
import type { UserChange } from './user-changes.js';

export interface UserDeliveriesOptions {
  /** Never rejects. */
  readonly send: (message: Message) => Promise<SendResult>;
  /** Calls at a time. */
  readonly concurrency: number;
  readonly retryMs: number;
  /** Events that wait; further ones are dropped. */
  readonly maxPending: number;
  /** Names the process: with a count, it tells events apart. */
  readonly run: string;
}

const MAX_ATTEMPTS = 5;

export class UserDeliveries {
  readonly #options: UserDeliveriesOptions;
  /** By document, in order. */
  readonly #waiting = new Map<string, Message[]>();
  readonly #underWay = new Map<string, Promise<void>>();
  #pending = 0;
  #count = 0;
  #dropped = 0;
  readonly #stopping = new AbortController();

  constructor(options: UserDeliveriesOptions) {
    this.#options = options;
  }

  add(changes: readonly UserChange[]): void {
    for (const change of changes) {
      if (this.#pending >= this.#options.maxPending) {
        this.#dropped++;
        continue;
      }
      this.#pending++;
      const message = userMessageOf(change, `${this.#options.run}-${++this.#count}`);
      const waiting = this.#waiting.get(change.documentId);
      if (waiting === undefined) this.#waiting.set(change.documentId, [message]);
      else waiting.push(message);
    }
    this.#send();
  }

  /** Events that were dropped since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Ends after the calls that are under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting.clear();
    await Promise.all(this.#underWay.values());
  }

  #send(): void {
    for (const [documentId, messages] of this.#waiting) {
      if (this.#underWay.size >= this.#options.concurrency) return;
      if (this.#underWay.has(documentId)) continue;
      const message = messages.shift();
      if (messages.length === 0) this.#waiting.delete(documentId);
      if (message === undefined) continue;
      const call = this.#deliver(message).finally(() => {
        this.#pending--;
        this.#underWay.delete(documentId);
        this.#send();
      });
      this.#underWay.set(documentId, call);
    }
  }

  async #deliver(message: Message): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const { ok } = await this.#options.send(message);
      if (ok) return;
      if (attempt === MAX_ATTEMPTS) break;
      // Pauses are longer than a node has for its end.
      await sleep(this.#options.retryMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
    }
    this.#dropped++;
  }
}
