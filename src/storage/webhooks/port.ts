/**
 * The port to what is known of deliveries to the webhook: where in the feed of changes it is, which events are to be tried
 * again, and which were given up. One contract suite (test/contract/deliveries.ts) runs against every adapter. All methods
 * reject when the storage fails, and what they have written is durable when they resolve.
 */
import type { Change } from '../changes/port.js';

/** An event that could not be delivered. There is at most one for each document: a newer one takes its place. */
export interface FailedEvent extends Change {
  /** Deliveries that were tried. */
  readonly attempts: number;
  /** When it is tried again, in ms since the epoch; of one that was given up, when that was. */
  readonly nextAt: number;
  /** Why the last one failed: a sentence without anything that the receiver has sent. */
  readonly reason: string;
}

/** What has become of events, to be written together. */
export interface DeliveryStep {
  /** All events up to this cursor are delivered, or known as failed. */
  readonly cursor?: string | undefined;
  /** To be tried again. */
  readonly failed: readonly FailedEvent[];
  /** Given up. */
  readonly dead: readonly FailedEvent[];
  /** Ids of documents of which nothing is left to be delivered. */
  readonly done: readonly string[];
}

export interface DeliveryState {
  readonly cursor: string | undefined;
  readonly failed: readonly FailedEvent[];
}

export interface Lease {
  readonly isHeld: boolean;
  /** Another number when events that were given up are to be tried again. */
  readonly revision: number;
  /** Events that were given up and are kept. */
  readonly dead: number;
}

export interface DeliveryStore {
  /**
   * Takes the lease, or keeps it: of all processes, the one that holds it delivers.
   *
   * @param holder Names the process.
   */
  lease(holder: string, ms: number): Promise<Lease>;
  /** Gives the lease back. */
  release(holder: string): Promise<void>;
  /** Sets the cursor where there is none yet. */
  begin(cursor: string): Promise<void>;
  cursor(): Promise<string | undefined>;
  load(): Promise<DeliveryState>;
  /** @returns False, with nothing written, when the holder has lost the lease. @param maxDead The oldest beyond it are dropped. */
  save(holder: string, step: DeliveryStep, maxDead: number): Promise<boolean>;
  /** Events that were given up, in the order of the ids of documents, behind one of them. */
  dead(after: string, limit: number): Promise<FailedEvent[]>;
  /** Lets events that were given up be tried again: that of a document, or all. @returns How many. */
  retry(documentId: string | undefined): Promise<number>;
  close(): Promise<void>;
}
