/** A transport that loses messages on purpose. */
import type { Transport } from '../../../src/cluster/transport.js';

/** @param loses Asked for each message; it is lost without a word if this is true. */
export function losing(transport: Transport, loses: () => boolean): Transport {
  return {
    send: (channel, bytes) => loses() || transport.send(channel, bytes),
    subscribe: (channels) => transport.subscribe(channels),
    unsubscribe: (channels) => transport.unsubscribe(channels),
    close: () => transport.close(),
  };
}
