/**
 * The bus port: publishes changes to the other nodes and receives theirs. One contract suite (test/contract/bus.ts)
 * runs against every adapter (redis/, memory/).
 *
 * The bus may lose messages, and reports it. An update is published after its commit, so a lost one is in the storage:
 * a receiver that may have missed one gets `onResyncNeeded`, and the load that follows is complete. Hence a message is
 * never delayed, sent again or waited for. The bus cannot detect a commit whose node was killed before it published
 * anything. Therefore each update carries the number that the storage gave the commit, and receivers compare these
 * numbers with the storage periodically.
 */

/** The last write of one field; the same shape as a row of the storage. */
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
  /** The hybrid logical clock L of the document after the commit. */
  readonly stamp: number;
  /** The storage's number of the commit, counted per document; 0 when nothing was committed. */
  readonly commit: number;
  readonly fields: readonly UpdatedField[];
  /** The change of the text, in the binary format of the text core; undefined when there is none. */
  readonly text: Uint8Array | undefined;
  /** Relayed operations, as JSON text. They are not stored: those of a lost message are lost for good. */
  readonly relays: readonly string[];
  /** How far tombstones of the document were purged, after the commit. */
  readonly horizon?: UpdatedHorizon | undefined;
  /** Whether the commit has deleted or erased the document. */
  readonly hasEnded?: true | undefined;
}

/** The greatest in the order among the tombstones that were purged, and their largest stamp; as in the storage. */
export interface UpdatedHorizon {
  readonly timestamp: number;
  readonly counter: number;
  readonly clientId: string;
  readonly stamp: number;
}

/** Why a document must be loaded again. */
export type ResyncReason =
  /** Its subscription became active; what was published before was not received. */
  | 'subscribed'
  /** Its subscription is active again after the connection was lost. */
  | 'reconnect'
  /** An update was lost, or was too large to be sent. */
  | 'gap'
  /** Another node has deleted or erased it. */
  | 'ended'
  /** A newer node sent a message that this one can't decode. */
  | 'unreadable';

/**
 * Callbacks of a bus, never called from within its methods. They must not throw or block: a socket's reader calls them.
 */
export interface BusEvents {
  /**
   * Another node committed a change of a subscribed document. The receiver owns the bytes and strings. An update may
   * come twice, late, out of order, and before the `onResyncNeeded` of the subscription, so merging must be idempotent.
   */
  onUpdate(update: DocumentUpdate): void;

  /**
   * These subscribed documents may be older than the storage. A load that begins after this call sees everything that
   * was missed before it. A load that is already running may not, so the receiver has to load once more after it. Large
   * sets are reported in portions with pauses. While messages are lost often this is called often, so the receiver
   * should run at most one load per document.
   */
  onResyncNeeded(documentIds: readonly string[], reason: ResyncReason): void;

  /**
   * Called on every change; a new bus is not connected. The bus reconnects and subscribes again by itself.
   *
   * @param connected Whether messages are sent and received.
   */
  onStatus(connected: boolean): void;

  /**
   * A message of another process about the awareness of a followed document: a valid one of awareness-message.ts, whose
   * states are JSON. It may come twice, late, and out of order.
   */
  onAwareness(documentId: string, bytes: Uint8Array): void;

  /**
   * The awareness channels of these followed documents are active, for the first time or again, and the other processes
   * were asked for their states. Messages that this process published before may be lost, so it should publish all its
   * states of these documents. Large sets are reported in portions.
   */
  onAwarenessActive(documentIds: readonly string[]): void;
}

/**
 * Updates and awareness of documents, from and to other nodes. A bus belongs to one thread. No method throws, blocks or
 * returns a result: a lost message is reported by `onResyncNeeded` to the nodes that miss it, a lost connection by
 * `onStatus`.
 */
export interface Bus {
  /** The status that was last reported. */
  readonly connected: boolean;

  /**
   * Publishes a commit to the other nodes; to be called once per document and commit, after the commit. The update is
   * dropped while there is no connection or too many bytes are unsent; receivers detect that by the next message about
   * the document, or by the tail that follows if there is none. It is never delivered to this bus itself. The argument
   * may be changed as soon as this returns.
   */
  publish(update: DocumentUpdate): void;

  /**
   * Subscribes to the updates of documents; those that are subscribed already are ignored. `onResyncNeeded` follows for
   * each once its updates arrive, and again whenever it had to be subscribed anew. The calls of one turn of the event
   * loop are sent in as few commands as possible.
   */
  subscribe(documentIds: readonly string[]): void;

  /** Unsubscribes; unknown documents are ignored. No callback for these documents follows. */
  unsubscribe(documentIds: readonly string[]): void;

  /**
   * Publishes a message of awareness-message.ts to the processes that follow the document. It is dropped without notice
   * while there is no connection or too many bytes are unsent; hence all states are published again after
   * `onAwarenessActive`, and periodically. It is never delivered to this process itself. The bytes must not be changed
   * afterwards.
   */
  publishAwareness(documentId: string, bytes: Uint8Array): void;

  /**
   * Follows the awareness of documents, and asks the other processes for their states, now and whenever messages may
   * have been missed. `onAwarenessActive` follows, also for documents that are followed already.
   */
  followAwareness(documentIds: readonly string[]): void;

  /** Ends following; unknown documents are ignored. No callback for these documents follows. */
  unfollowAwareness(documentIds: readonly string[]): void;

  /**
   * Closes the bus; no callback follows. Resolves when everything published is sent, or after two seconds. Waiting
   * matters because no further message would reveal that the last update of a node was lost. May be called again. Never
   * rejects.
   */
  close(): Promise<void>;
}

/** The metrics of a bus. `add` and `observe` have to be cheap: they are called for each message. */
export interface BusMetrics {
  /** Updates that were sent. */
  readonly published: Count;
  /** Messages that were dropped: no connection, too many unsent bytes, or refused by the server. */
  readonly dropped: Count;
  /** Updates too large for a message; receivers load the document instead. */
  readonly omitted: Count;
  /** Updates that were received. */
  readonly received: Count;
  /** Gaps: documents of which an update was missed. */
  readonly gaps: Count;
  /** Documents reported by `onResyncNeeded`, gaps included. */
  readonly resyncs: Count;
  /** Messages that could not be decoded and were ignored. */
  readonly malformed: Count;
  /** Awareness messages that were sent. */
  readonly awarenessPublished: Count;
  /** Awareness messages that were received. */
  readonly awarenessReceived: Count;
  /** Awareness messages that were dropped, by reason; `unsent` is what `dropped` is for updates. */
  readonly awarenessDropped: (reason: string) => Count;
  /** 1 while connected, else 0. */
  readonly connected: { set(value: number): void };
  /** Seconds from sending to receiving, by the clocks of the two nodes. */
  readonly lag: { observe(seconds: number): void };
}

export interface Count {
  add(amount: number): void;
}
