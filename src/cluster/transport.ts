/** What carries the messages of a bus: everything that differs between the adapters. */

export interface TransportEvents {
  /** Bytes that came through the channel of a document. */
  message(documentId: string, bytes: Uint8Array): void;
  /** The channels of these documents are subscribed, for the first time or again. */
  active(documentIds: readonly string[]): void;
  /** They no longer are; they will be again without being asked. */
  lost(documentIds: readonly string[]): void;
  /** Whether everything can be sent and received; on every change. */
  status(connected: boolean): void;
  /**
   * Messages can be sent again where they could not, at least since this time (by `performance.now()`); those of shortly
   * before may be lost.
   */
  resumed(lostAt: number): void;
  /** Messages that `send` had taken did not get through. */
  dropped(count: number): void;
}

/** One channel per document. Nothing throws, and no event is raised from within a call. */
export interface Transport {
  /**
   * Sends bytes through the channel of a document, in the order of the calls.
   *
   * @returns Whether they were taken; if not, they are dropped.
   */
  send(documentId: string, bytes: Uint8Array): boolean;
  /** Documents that are not subscribed. */
  subscribe(documentIds: readonly string[]): void;
  /** Documents that are. */
  unsubscribe(documentIds: readonly string[]): void;
  /** No event is raised from now on. Resolves when what was taken is sent, or has been on its way for too long. */
  close(): Promise<void>;
}
