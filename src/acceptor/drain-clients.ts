/** Disconnects the clients of a node that ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { closeCodes } from '../errors.js';
import type { Logger } from '../log.js';
import { drainReason } from './acceptor.js';
import type { Session } from './session/session.js';

/** Number of slices in which the clients are disconnected. */
const DRAIN_SLICES = 20;
/**
 * Time for the last clients to close their side, in ms. If the process ended while a client still sends, the kernel
 * would reset the connection, and acks and the close code that the client has not read yet would be lost.
 */
export const CLOSE_GRACE_MS = 300;

export interface DrainOptions {
  readonly sessions: readonly Session[];
  /** Time over which they are disconnected, in ms. */
  readonly durationMs: number;
  /** Resolves when everything that clients have sent until now is durable and acknowledged. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
}

/**
 * Disconnects the clients in slices. From the start of its slice, a client's messages are refused; it is disconnected
 * when everything before is acknowledged, so that it has nothing to send again. Slices do not wait for each other, as
 * all wait for the same backlog.
 */
export async function drainClients({ sessions, durationMs, flush, log }: DrainOptions): Promise<void> {
  if (sessions.length === 0) return;
  const leaving: Promise<void>[] = [];
  const size = Math.ceil(sessions.length / DRAIN_SLICES);
  for (let i = 0; i < sessions.length; i += size) {
    if (i > 0) await sleep(durationMs / DRAIN_SLICES);
    const slice = sessions.slice(i, i + size).filter((session) => session.isOpen);
    for (const session of slice) session.become({ kind: 'draining' });
    leaving.push(
      flush().then(() => {
        slice.forEach(disconnect);
        log.debug({ clients: slice.length }, 'clients were disconnected');
      }),
    );
  }
  await Promise.all(leaving);
  await sleep(CLOSE_GRACE_MS);
}

/** Tells a client to connect again, if it is still there. */
export function disconnect(session: Session): void {
  if (session.isOpen) session.socket.end(closeCodes.restart, drainReason);
}
