/**
 * The port between a bus and what transports its messages. Everything that differs between the adapters is behind it.
 */

export interface TransportEvents {
  /** A message arrived on a channel. */
  message(channel: string, bytes: Uint8Array): void;
  /** These channels are now subscribed, for the first time or again. */
  active(channels: readonly string[]): void;
  /** These channels are no longer subscribed. The transport subscribes to them again by itself. */
  lost(channels: readonly string[]): void;
  /** Called on every change. @param connected Whether messages on all channels can be sent and received. */
  status(connected: boolean): void;
  /**
   * Messages can be sent again. Those that were sent shortly before `lostAt` may be lost.
   *
   * @param lostAt Since when sending was impossible, in ms of the monotonic clock.
   */
  resumed(lostAt: number): void;
  /** Messages that `send` had accepted were lost. */
  dropped(count: number): void;
}

/** Channel names are without the prefix of an adapter. Nothing throws, and no event is raised from within a call. */
export interface Transport {
  /**
   * Sends bytes through a channel, in the order of the calls.
   *
   * @returns Whether they were accepted; if not, they are dropped.
   */
  send(channel: string, bytes: Uint8Array): boolean;
  /** Subscribes to channels that are not subscribed yet. */
  subscribe(channels: readonly string[]): void;
  /** Unsubscribes from channels that are subscribed. */
  unsubscribe(channels: readonly string[]): void;
  /** No event is raised from now on. Resolves when the accepted messages are sent, or after a bounded time. */
  close(): Promise<void>;
}
