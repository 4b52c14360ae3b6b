/** A transport that loses messages on purpose. */
import type { Transport } from '../../src/cluster/transport.js';

/** @param loses Asked for each message; it is lost without a word if this is true. */
export function losing(transport: Transport, loses: () => boolean): Transport {
  return {
    send: (documentId, bytes) => loses() || transport.send(documentId, bytes),
    subscribe: (documentIds) => transport.subscribe(documentIds),
    unsubscribe: (documentIds) => transport.unsubscribe(documentIds),
    close: () => transport.close(),
  };
}
