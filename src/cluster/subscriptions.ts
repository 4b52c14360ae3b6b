/** The documents that a bus is subscribed to, and the sequences that it has received for each. */
import type { ResyncReason } from './port.js';
import type { MessageHead } from './message.js';

/** Publishers that are remembered for one document; each node that wrote it recently is one. */
const MAX_PUBLISHERS = 64;

interface Subscription {
  /** When the subscription became active, in ms of the monotonic clock; undefined while it is not. */
  activeSince: number | undefined;
  /** Whether it was ever active. */
  wasActive: boolean;
  /** The last sequence of each publisher, in the order of their last message, the oldest first. */
  readonly sequences: Map<string, number>;
}

/**
 * Detects lost messages by their sequences. Updates that were published before the subscription became active are seen
 * by the load that follows the activation, so only later ones can be missed:
 *
 * 1. While a subscription is not active, sequences are recorded and nothing is a gap: the load is still to come.
 * 2. From a known publisher, the next sequence is the last one plus one; a tail carries the last one. A smaller or
 *    equal one is a repetition, a greater one is a gap.
 * 3. From an unknown publisher, a sequence above 1 (for a tail: above 0) shows that updates came before this message.
 *    The message carries the age of the last of them (`since`), measured by the publisher's clock alone. Subtracted
 *    from the time of receipt, this gives its time of publication, or a later one because of the transit time. If that
 *    lies before the activation, the load has seen the update. Otherwise the update may have been lost, which is a gap.
 */
export class Subscriptions {
  readonly #documents = new Map<string, Subscription>();

  has(documentId: string): boolean {
    return this.#documents.has(documentId);
  }

  /** @returns False if it was there already. */
  add(documentId: string): boolean {
    if (this.#documents.has(documentId)) return false;
    this.#documents.set(documentId, { activeSince: undefined, wasActive: false, sequences: new Map() });
    return true;
  }

  /** @returns False if it was not there. */
  delete(documentId: string): boolean {
    return this.#documents.delete(documentId);
  }

  /**
   * Updates of the document arrive from now on. @param now Milliseconds of the monotonic clock.
   *
   * @returns Why the document must be loaded; undefined if it is not subscribed.
   */
  activate(documentId: string, now: number): ResyncReason | undefined {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return undefined;
    const reason = subscription.wasActive ? 'reconnect' : 'subscribed';
    subscription.activeSince = now;
    subscription.wasActive = true;
    return reason;
  }

  /** Updates of the document no longer arrive. */
  deactivate(documentId: string): void {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return;
    subscription.activeSince = undefined;
    // For the next message rule 3 is the better one: what is missed until then is mostly older than the next
    // activation.
    subscription.sequences.clear();
  }

  /**
   * Records the sequence of a message. @param now Milliseconds of the monotonic clock.
   *
   * @returns Whether an update before the message, or the one that a tail repeats, may have been missed.
   */
  needsResync(documentId: string, message: SequencedMessage, now: number): boolean {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return false;
    const { sequences, activeSince } = subscription;
    const publisher = `${message.epoch}/${message.node}`;
    const last = sequences.get(publisher);
    sequences.delete(publisher);
    if (last === undefined && sequences.size >= MAX_PUBLISHERS) forgetOldest(sequences);
    sequences.set(publisher, Math.max(last ?? 0, message.sequence));
    if (activeSince === undefined) return false;
    // Every update up to this sequence must have been received before.
    const before = message.kind === 'tail' ? message.sequence : message.sequence - 1;
    if (last !== undefined) return before > last;
    return before > 0 && now - message.since > activeSince;
  }
}

/** What gap detection needs of a message; of one that could not be decoded only the head is known. */
export interface SequencedMessage extends MessageHead {
  readonly kind: 'update' | 'tail';
  readonly since: number;
}

function forgetOldest(sequences: Map<string, number>): void {
  for (const publisher of sequences.keys()) {
    sequences.delete(publisher);
    return;
  }
}
