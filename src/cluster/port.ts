/**
 * The bus port: how nodes tell each other what changed. One contract suite (test/contract/bus.ts) runs against every
 * adapter; the adapters lie beside this file and are named after what they send through.
 *
 * The bus may lose messages, and says so. News is sent after its commit, so whatever was lost is in the storage: a
 * receiver that can have missed something is told with `onResyncNeeded`, and what it then loads is complete. A message is
 * therefore never kept back, sent again or waited for. One thing the bus can't tell is that there was a commit whose node
 * was killed before it published anything about it: against that, each news names the number that the storage gave the
 * commit, and receivers compare the numbers with the storage now and then.
 */

/** One field as its last write left it; the same shape as a row of the storage. */
export interface UpdatedField {
  readonly path: string;
  /** The value as compact JSON text. */
  readonly value: string;
  readonly deleted: boolean;
  /** Milliseconds since the epoch; first part of the order. */
  readonly timestamp: number;
  readonly counter: number;
  readonly clientId: string;
  /** The hybrid logical clock L of the write. */
  readonly stamp: number;
}

/** What one commit changed in one document. */
export interface DocumentUpdate {
  readonly documentId: string;
  /** The document's L after the commit. */
  readonly stamp: number;
  /** Which commit of the document this is, by the storage's count; 0 when there was none. */
  readonly commit: number;
  readonly fields: readonly UpdatedField[];
  /** What changed in the text, in the binary form of the text core. */
  readonly text: Uint8Array | undefined;
  /** Operations that are only sent on, as JSON text. They are in no storage: those of a lost message stay lost. */
  readonly relays: readonly string[];
}

/** Why a document has to be loaded again. */
export type ResyncReason =
  /** Its subscription became active. What was published before has not been received. */
  | 'subscribed'
  /** Its subscription is active again after the connection was lost. */
  | 'reconnect'
  /** A message was lost, or was too large to be sent. */
  | 'gap'
  /** A newer node sent what this one can't read. */
  | 'unreadable';

/**
 * What a bus calls, never from within a call of its own methods. The callbacks must not throw, and must not wait: they
 * are called from the reader of a socket.
 */
export interface BusEvents {
  /**
   * What another node committed to a subscribed document. The bytes and strings are the receiver's own. News may come
   * twice, late, and out of order, and before `onResyncNeeded` for the subscription: merging it has to be idempotent.
   */
  onUpdate(update: DocumentUpdate): void;

  /**
   * These subscribed documents may be older than the storage. A load that begins after this call sees all that can
   * have been missed before it; one that was already running may not, so the receiver that is loading notes that it
   * has to load once more. Large sets are given in portions with pauses in between. While messages are lost often this
   * is called often, so the receiver keeps to one load at a time for each document.
   */
  onResyncNeeded(documentIds: readonly string[], reason: ResyncReason): void;

  /**
   * Whether news is sent and received, on every change; a new bus is not connected. Reconnecting and subscribing again
   * is the bus's own affair.
   */
  onStatus(connected: boolean): void;

  /**
   * What another process says of the awareness of a followed document: a message of awareness-message.ts that can be
   * read, with states that are JSON. It may come twice, late, and out of order.
   */
  onAwareness(documentId: string, bytes: Uint8Array): void;

  /**
   * The awareness of these followed documents comes from now on, or comes again, and the others were asked for theirs.
   * What this process had to say since the last time may not have been heard. Large sets are given in portions.
   */
  onAwarenessActive(documentIds: readonly string[]): void;
}

/**
 * News about documents, from and to other nodes. A bus belongs to one thread. Nothing here throws, waits or answers:
 * what does not get through is reported by `onResyncNeeded` where it is missed, and by `onStatus`.
 */
export interface Bus {
  /** The status that was last reported. */
  readonly connected: boolean;

  /**
   * Tells other nodes what was committed; call it once per document and commit, after the commit. It is dropped while
   * there is no connection and while too much is unsent; receivers learn that from the next message about the document,
   * or from the repeated last number that follows when there is none. Never delivered to this bus itself. What was
   * given may be changed as soon as this returns.
   */
  publish(update: DocumentUpdate): void;

  /**
   * Asks for news about documents; those already asked for are left as they are. Each is answered by
   * `onResyncNeeded('subscribed')` once its news comes, and whenever it has to be subscribed anew. What is asked for in one
   * turn of the event loop goes out in as few commands as there can be.
   */
  subscribe(documentIds: readonly string[]): void;

  /** Ends that; unknown ones are ignored. Nothing is called for these documents afterwards. */
  unsubscribe(documentIds: readonly string[]): void;

  /**
   * Tells those who follow a document what this process shows of its clients: a message of awareness-message.ts. It is
   * dropped while there is no connection and while too much is unsent, and nobody is told so; hence what matters is said
   * again after `onAwarenessActive`, and now and then. Never delivered to the process itself. The bytes must not be
   * changed afterwards.
   */
  publishAwareness(documentId: string, bytes: Uint8Array): void;

  /**
   * Asks for the awareness of documents, now and whenever it may have missed some; answered by `onAwarenessActive`, also
   * for those that are followed already.
   */
  followAwareness(documentIds: readonly string[]): void;

  /** Ends that; unknown ones are ignored. Nothing is called for these documents afterwards. */
  unfollowAwareness(documentIds: readonly string[]): void;

  /**
   * Ends it; nothing is called from now on. Resolves when what was published is sent, or has been on its way for two
   * seconds: the last news of a node that goes would otherwise be missed by all, without a next message to show it.
   * May be called again. Never rejects.
   */
  close(): Promise<void>;
}

/** Where a bus counts; `add` and `observe` take about nanoseconds. */
export interface BusMetrics {
  /** News given to the connection. */
  readonly published: Count;
  /** Messages that were not sent: no connection, too much unsent, or refused by the server. */
  readonly dropped: Count;
  /** News too large for a message; receivers were told to load it instead. */
  readonly omitted: Count;
  readonly received: Count;
  /** Documents that missed a message. */
  readonly gaps: Count;
  /** Documents given to `onResyncNeeded`, gaps included. */
  readonly resyncs: Count;
  /** Messages that could not be read and were ignored. */
  readonly malformed: Count;
  /** Messages about awareness that were given to the connection. */
  readonly awarenessPublished: Count;
  readonly awarenessReceived: Count;
  /** By reason; `unsent` is what `dropped` is for update. */
  readonly awarenessDropped: (reason: string) => Count;
  /** 1 while connected, else 0. */
  readonly connected: { set(value: number): void };
  /** Seconds from sending to receiving, by the clocks of the two nodes. */
  readonly lag: { observe(seconds: number): void };
}

export interface Count {
  add(amount: number): void;
}
