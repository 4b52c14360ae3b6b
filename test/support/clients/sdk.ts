/** The published SDK, 0.1.1, under Node. */
import type { SyncDocument } from '@synckit-js/sdk';
import type { Test } from 'tap';
import WebSocket from 'ws';
import { until } from '../nodes/server.js';

/** All sockets that the SDK has opened: it loses sight of some when it reconnects. */
const sockets = new Set<WebSocket>();
let closing = false;

class TrackedSocket extends WebSocket {
  constructor(url: string) {
    if (closing) throw new Error('the test is over');
    super(url, { perMessageDeflate: false });
    sockets.add(this);
    this.once('close', () => sockets.delete(this));
  }
}

// Node 20 has none of its own.
Object.assign(globalThis, { WebSocket: TrackedSocket });
// The SDK tells every step.
for (const level of ['log', 'warn', 'error'] as const) console[level] = () => undefined;

const { SyncKit } = await import('@synckit-js/sdk');

export type Fields = Record<string, unknown>;

/** What the SDK keeps to itself. */
interface Internals {
  websocket: {
    config: { reconnect: { enabled: boolean } };
    on(type: 'ack', handler: () => void): void;
  };
}

export interface SdkClient {
  readonly clientId: string;
  readonly document: SyncDocument<Fields>;
  /** Writes that are sent and not acknowledged; the SDK looks for acknowledgements every 100 ms. */
  readonly unacked: number;
  /** Calls the listener for each acknowledgement as it comes. */
  onAck(listener: () => void): void;
  /** Ends it before the test ends; it does not connect again. */
  close(): void;
  /** Resolves when the SDK has noticed that the connection broke. */
  offline(): Promise<void>;
  /** Resolves when it is connected and has sent what it wrote meanwhile. */
  online(): Promise<void>;
}

/**
 * An SDK client that has opened a document.
 *
 * @param t Its end is the end of all SDK clients of the process.
 */
export async function sdkClient(
  t: Pick<Test, 'teardown'>,
  serverUrl: string,
  clientId: string,
  documentId: string,
): Promise<SdkClient> {
  const kit = new SyncKit({
    serverUrl,
    clientId,
    storage: 'memory',
    // Each failed attempt to reconnect starts two others, so they may not come too fast.
    network: { reconnect: { initialDelay: 250, maxDelay: 1_000 }, queue: { retryDelay: 100 } },
  });
  await kit.init();
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    (kit as unknown as Internals).websocket.config.reconnect.enabled = false;
    kit.dispose();
  };
  t.teardown(() => {
    closing = true;
    close();
    for (const socket of sockets) socket.terminate();
  });
  const document = kit.document<Fields>(documentId);
  await until('the SDK to be in sync', () => kit.getSyncState(documentId)?.state === 'synced');
  return {
    clientId,
    document,
    get unacked() {
      return kit.getSyncState(documentId)?.pendingOperations ?? 0;
    },
    onAck: (listener) => (kit as unknown as Internals).websocket.on('ack', listener),
    close,
    offline: () => until('the SDK to be offline', () => kit.getNetworkStatus()?.connectionState !== 'connected'),
    online: () =>
      until('the SDK to be back', () => {
        const status = kit.getNetworkStatus();
        return (
          status?.connectionState === 'connected' &&
          status.queueSize === 0 &&
          kit.getSyncState(documentId)?.state === 'synced'
        );
      }),
  };
}
