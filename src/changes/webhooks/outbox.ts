/** What the process that delivers knows of events: which wait, are under way or have failed, and what is to be saved. */
import type { FeedEntry } from '../../storage/changes/port.js';
import type { DeliveryStep, FailedEvent } from '../../storage/webhooks/port.js';
import { WaitingEvents, type Debounce, type WaitingEvent } from './waiting.js';

export interface OutboxOptions {
  /** Up to where all is delivered, or known as failed. */
  readonly cursor: string | undefined;
  readonly debounce: Debounce;
}

export class Outbox {
  readonly #waiting: WaitingEvents;
  readonly #failed = new Map<string, FailedEvent>();
  /** By document, with the event of the feed that it came from. */
  readonly #underWay = new Map<string, WaitingEvent | undefined>();
  #unsaved = { failed: new Map<string, FailedEvent>(), dead: new Map<string, FailedEvent>(), done: new Set<string>() };
  #savedTo: string | undefined;
  #readTo: string | undefined;

  constructor({ cursor, debounce }: OutboxOptions) {
    this.#waiting = new WaitingEvents(debounce);
    this.#savedTo = this.#readTo = cursor;
  }

  /** Where to read on in the feed. */
  get readTo(): string | undefined {
    return this.#readTo;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** Events that are not delivered. */
  get pending(): number {
    return this.#waiting.size + this.#failed.size + this.#underWay.size;
  }

  get failures(): number {
    return this.#failed.size;
  }

  /** When the oldest of them happened, in ms since the epoch. */
  get oldestAt(): number | undefined {
    const times = [...this.#underWay.values(), this.#waiting.first()].flatMap((event) => event?.entry.at ?? []);
    for (const { at } of this.#failed.values()) times.push(at);
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
  }

  /** @param now By `performance.now()`. */
  add(entry: FeedEntry, now: number): void {
    this.#waiting.add(entry, this.#readTo, now);
    this.#readTo = entry.cursor;
  }

  /** Nobody wants to be told of this. */
  skip({ cursor }: FeedEntry): void {
    this.#readTo = cursor;
  }

  /** The cursor has expired. */
  beginAnew(): void {
    this.#readTo = undefined;
    this.#waiting.clear();
  }

  /** From the storage, which may not know yet what has become of it, or of a newer one of its document. */
  addFailed(event: FailedEvent): void {
    const { documentId } = event;
    const { done, dead } = this.#unsaved;
    if (this.#failed.has(documentId) || done.has(documentId) || dead.has(documentId)) return;
    this.#failed.set(documentId, event);
  }

  /**
   * An event that may be sent; undefined when none may. A newer one of a document takes the place of one that has failed,
   * but is not sent before that would be.
   *
   * @param now By `performance.now()`. @param time In ms since the epoch.
   */
  take(now: number, time: number): FailedEvent | undefined {
    const isHeld = (documentId: string): boolean =>
      this.#underWay.has(documentId) || (this.#failed.get(documentId)?.nextAt ?? 0) > time;
    const waiting = this.#waiting.takeDue(now, isHeld);
    if (waiting !== undefined) {
      const { documentId, kind, commit, at } = waiting.entry;
      this.#underWay.set(documentId, waiting);
      return { documentId, kind, commit, at, attempts: 0, nextAt: 0, reason: '' };
    }
    for (const event of this.#failed.values()) {
      if (isHeld(event.documentId) || this.#waiting.has(event.documentId)) continue;
      this.#underWay.set(event.documentId, undefined);
      return event;
    }
    return undefined;
  }

  delivered({ documentId }: FailedEvent): void {
    this.#end(documentId);
    this.#failed.delete(documentId);
    this.#unsaved.done.add(documentId);
  }

  failed(event: FailedEvent): void {
    this.#end(event.documentId);
    this.#failed.set(event.documentId, event);
    this.#unsaved.failed.set(event.documentId, event);
  }

  givenUp(event: FailedEvent): void {
    this.#end(event.documentId);
    this.#failed.delete(event.documentId);
    this.#unsaved.dead.set(event.documentId, event);
  }

  /** What is to be saved; undefined when nothing is. */
  step(): DeliveryStep | undefined {
    const { failed, dead, done } = this.#unsaved;
    const cursor = this.#doneTo();
    const isMoved = cursor !== this.#savedTo && cursor !== undefined;
    if (!isMoved && failed.size + dead.size + done.size === 0) return undefined;
    return {
      cursor: isMoved ? cursor : undefined,
      failed: [...failed.values()],
      dead: [...dead.values()],
      done: [...done],
    };
  }

  saved({ cursor, failed, dead, done }: DeliveryStep): void {
    if (cursor !== undefined) this.#savedTo = cursor;
    for (const event of failed) forget(this.#unsaved.failed, event);
    for (const event of dead) forget(this.#unsaved.dead, event);
    for (const documentId of done) this.#unsaved.done.delete(documentId);
  }

  /** A call has ended. What was to be saved of an earlier one does not count any more. */
  #end(documentId: string): void {
    this.#underWay.delete(documentId);
    this.#unsaved.failed.delete(documentId);
    this.#unsaved.dead.delete(documentId);
    this.#unsaved.done.delete(documentId);
  }

  /** The cursor before the first event in the feed that is not done. */
  #doneTo(): string | undefined {
    let first = this.#waiting.first();
    for (const event of this.#underWay.values()) {
      if (event !== undefined && (first === undefined || event.number < first.number)) first = event;
    }
    return first === undefined ? this.#readTo : first.before;
  }
}

function forget(events: Map<string, FailedEvent>, event: FailedEvent): void {
  if (events.get(event.documentId) === event) events.delete(event.documentId);
}
