import { createHash } from 'node:crypto';
import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import type { SetOperation } from '../../protocol/operations.js';
import type { Origin } from '../../messages/task.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { SentField } from '../echo/sent-field.js';
import type { StampClock } from './stamp.js';
import { isBeforeHorizon } from '../tombstones/horizon.js';
import { setField } from '../tombstones/set-field.js';

/** Writes without a clock, from too far in the future, whose dates are remembered. */
const MAX_REMEMBERED = 10_000;

/** A write's place in the order of its field, but for its writer. */
type Place = Pick<FieldWrite, 'timestamp' | 'counter'>;

/**
 * Gives writes their place in the order of their field. The device's clock counts where nothing better is known; but a
 * write whose clock shows that it has seen the present value comes after it (ORD7), and one that is dated too far ahead
 * wins against nothing else (ORD2). So what is sent again never wins over what came after it.
 */
export class Dating {
  readonly #core: Pick<FieldsStore, 'get' | 'set'>;
  readonly #clock: StampClock;
  /** Places of writes without a clock that were dated ahead, by what they are; the oldest in front. */
  readonly #remembered = new Map<string, Place>();

  constructor(core: Pick<FieldsStore, 'get' | 'set'>, clock: StampClock) {
    this.#core = core;
    this.#clock = clock;
  }

  /**
   * Sets a field, unless the write loses.
   *
   * @param write Dated as its writer says.
   * @returns The write as it was taken, or undefined.
   */
  set(
    document: LoadedDocument,
    write: FieldWrite,
    operation: SetOperation,
    { session }: Origin,
    sent: SentField,
    now: number,
  ): FieldWrite | undefined {
    const isAhead = this.#clock.isAhead(operation.timestamp, now);
    const asDated = isAhead ? undefined : this.#setField(document, write, operation, now);
    if (asDated !== undefined) {
      sent.wrote(operation, session, asDated !== write);
      return asDated;
    }
    const taken = isAhead
      ? this.#setAhead(document, write, operation, sent, now)
      : this.#setSeen(document, write, operation, sent, now);
    if (taken !== undefined) sent.wrote(operation, session, true);
    return taken;
  }

  /** Sets a field by a write that is older than the present value, if its writer has seen that. */
  #setSeen(
    document: LoadedDocument,
    write: FieldWrite,
    operation: SetOperation,
    sent: SentField,
    now: number,
  ): FieldWrite | undefined {
    const present = this.#core.get(document.handle, write.path);
    if (present === undefined || !this.#hasSeen(document, operation, sent, present, now)) return undefined;
    return this.#setDated(document, write, placeAfter(present, write), operation, now);
  }

  #setAhead(
    document: LoadedDocument,
    write: FieldWrite,
    operation: SetOperation,
    sent: SentField,
    now: number,
  ): FieldWrite | undefined {
    if (operation.clockMax === 0) {
      return this.#setDated(document, write, this.#remember(document, write, operation), operation, now);
    }
    const present = this.#core.get(document.handle, write.path);
    if (present === undefined) {
      // It may have been removed after this write, which is dated now and may be any age.
      if (isBeforeHorizon(document, this.#seen(operation, now))) return undefined;
      return this.#setDated(document, write, write, operation, now);
    }
    if (!this.#hasSeen(document, operation, sent, present, now)) return undefined;
    const place = now > present.timestamp ? write : placeAfter(present, write);
    return this.#setDated(document, write, place, operation, now);
  }

  #setDated(
    document: LoadedDocument,
    write: FieldWrite,
    { timestamp, counter }: Place,
    operation: SetOperation,
    now: number,
  ): FieldWrite | undefined {
    return this.#setField(document, { ...write, timestamp, counter }, operation, now);
  }

  #setField(document: LoadedDocument, write: FieldWrite, operation: SetOperation, now: number): FieldWrite | undefined {
    return setField(this.#core, document, write, this.#seen(operation, now));
  }

  /** The largest stamp that a writer has seen, as far as it is believed. */
  #seen({ clockMax }: SetOperation, now: number): number {
    return this.#clock.isBelieved(clockMax, now) ? clockMax : 0;
  }

  /** Whether a write was made by somebody who knew the present value. */
  #hasSeen(
    document: LoadedDocument,
    { clockMax, counter, clientId, timestamp }: SetOperation,
    sent: SentField,
    present: FieldWrite,
    now: number,
  ): boolean {
    // A write of his own, and not a later one; of such a device no date says which is which.
    if (counter !== undefined && clientId === present.clientId) {
      if (sent.clientId === clientId) {
        if (sent.isDated && counter > sent.counter) return true;
      } else if (this.#clock.isAhead(timestamp, now) && counter > present.counter) return true;
    }
    return this.#clock.isBelieved(clockMax, now) && clockMax >= document.sends.shownWith(sent, present.stamp);
  }

  /** The place that the same write had before, or its own. */
  #remember(document: LoadedDocument, { path, value, timestamp, counter }: FieldWrite, operation: SetOperation): Place {
    const key = createHash('sha1')
      .update(JSON.stringify([document.id, path, operation.timestamp, operation.clientId]))
      .update(value)
      .digest('base64');
    let place = this.#remembered.get(key);
    if (place === undefined) {
      place = { timestamp, counter };
      for (const oldest of this.#remembered.keys()) {
        if (this.#remembered.size < MAX_REMEMBERED) break;
        this.#remembered.delete(oldest);
      }
    } else {
      this.#remembered.delete(key);
    }
    this.#remembered.set(key, place);
    return place;
  }
}

/** Just after the present value: every node that dates the write so comes to the same. */
function placeAfter(present: FieldWrite, { counter }: FieldWrite): Place {
  if (present.counter >= Number.MAX_SAFE_INTEGER) return { timestamp: present.timestamp + 1, counter };
  return { timestamp: present.timestamp, counter: Math.max(present.counter + 1, counter) };
}
