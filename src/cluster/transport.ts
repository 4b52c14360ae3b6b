/** What carries the messages of a bus: everything that differs between the adapters. */

export interface TransportEvents {
  /** Bytes that came through a channel. */
  message(channel: string, bytes: Uint8Array): void;
  /** These channels are subscribed, for the first time or again. */
  active(channels: readonly string[]): void;
  /** They no longer are; they will be again without being asked. */
  lost(channels: readonly string[]): void;
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

/** Channels by name, without what an adapter puts before it. Nothing throws, and no event is raised from within a call. */
export interface Transport {
  /**
   * Sends bytes through a channel, in the order of the calls.
   *
   * @returns Whether they were taken; if not, they are dropped.
   */
  send(channel: string, bytes: Uint8Array): boolean;
  /** Channels that are not subscribed. */
  subscribe(channels: readonly string[]): void;
  /** Channels that are. */
  unsubscribe(channels: readonly string[]): void;
  /** No event is raised from now on. Resolves when what was taken is sent, or has been on its way for too long. */
  close(): Promise<void>;
}
