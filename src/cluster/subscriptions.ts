/** The documents that a bus is subscribed to, and what it has received about each. */
import type { ResyncReason } from './port.js';
import type { MessageHead } from './message.js';

/** Publishers that are followed for one document; there is one for each node that wrote it lately. */
const MAX_PUBLISHERS = 64;

interface Subscription {
  /** When the subscription became active, or undefined while it is not. */
  activeSince: number | undefined;
  /** Whether it ever was. */
  wasActive: boolean;
  /** The last number of each publisher, the one that was heard longest ago in front. */
  readonly heard: Map<string, number>;
}

/**
 * Tells from the numbers of messages whether one was missed. What was published before the subscription became active
 * is seen by the load that follows it, so only later news can be missed:
 *
 * 1. While a subscription is not active, numbers are noted and nothing is judged: the load is still to come.
 * 2. From a publisher that was heard, the next number is the last one plus one (a tail bears the last one). A smaller
 *    or equal one is a repetition; a greater one is a gap.
 * 3. From a publisher that was not heard, something came before this message if its number says so. Then it says how
 *    long ago the latest of that was published, by the publisher's clock alone; counted back from now, that can only be
 *    too late, by the time that the message took. If that is before the subscription became active, the load has seen
 *    it. Otherwise it may have been lost, which is a gap.
 */
export class Subscriptions {
  readonly #documents = new Map<string, Subscription>();

  has(documentId: string): boolean {
    return this.#documents.has(documentId);
  }

  /** @returns Whether it was not there. */
  add(documentId: string): boolean {
    if (this.#documents.has(documentId)) return false;
    this.#documents.set(documentId, { activeSince: undefined, wasActive: false, heard: new Map() });
    return true;
  }

  /** @returns Whether it was there. */
  delete(documentId: string): boolean {
    return this.#documents.delete(documentId);
  }

  /** Notes that news comes from now on; returns why the document must be loaded, if anybody asked for it. */
  activate(documentId: string, now: number): ResyncReason | undefined {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return undefined;
    const reason = subscription.wasActive ? 'reconnect' : 'subscribed';
    subscription.activeSince = now;
    subscription.wasActive = true;
    return reason;
  }

  /** Notes that news no longer comes. */
  deactivate(documentId: string): void {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return;
    subscription.activeSince = undefined;
    // Rule 3 judges the next message better: what was missed until then is mostly older than the next activation.
    subscription.heard.clear();
  }

  /** Whether the message shows that one before it, or the one that it repeats the number of, may have been missed. */
  needsResync(documentId: string, message: Heard, now: number): boolean {
    const subscription = this.#documents.get(documentId);
    if (subscription === undefined) return false;
    const { heard, activeSince } = subscription;
    const publisher = `${message.epoch}/${message.node}`;
    const last = heard.get(publisher);
    heard.delete(publisher);
    if (last === undefined && heard.size >= MAX_PUBLISHERS) forgetOldest(heard);
    heard.set(publisher, Math.max(last ?? 0, message.sequence));
    if (activeSince === undefined) return false;
    // The number up to which everything must have been received.
    const before = message.kind === 'tail' ? message.sequence : message.sequence - 1;
    if (last !== undefined) return before > last;
    return before > 0 && now - message.since > activeSince;
  }
}

/** What is judged; of a message that could not be read nothing but the head is known. */
export interface Heard extends MessageHead {
  readonly kind: 'update' | 'tail';
  readonly since: number;
}

function forgetOldest(heard: Map<string, number>): void {
  for (const publisher of heard.keys()) {
    heard.delete(publisher);
    return;
  }
}
