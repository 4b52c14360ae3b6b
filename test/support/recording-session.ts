/** Sessions without a connection, for the parts of the acceptor that keep the books about them. */
import type { WebSocket } from 'uWebSockets.js';
import { SessionMeter } from '../../src/acceptor/session/session-meter.js';
import { AcceptorMetrics } from '../../src/metrics/acceptor-metrics.js';
import { Session, type SocketData } from '../../src/acceptor/session/session.js';
import { TokenBucket } from '../../src/acceptor/session/token-bucket.js';

/** The part of a socket that subscribes; keeps its topics as uWS does. */
export class RecordingSocket implements Pick<WebSocket<SocketData>, 'subscribe' | 'unsubscribe'> {
  readonly topics = new Set<string>();

  subscribe(topic: string): boolean {
    this.topics.add(topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    return this.topics.delete(topic);
  }
}

export interface RecordingSession {
  readonly session: Session;
  /** The native topics that its socket is subscribed to, in the order of their names. */
  readonly topics: () => string[];
}

let numbers = 0;

export function recordingSession(): RecordingSession {
  const socket = new RecordingSocket();
  const session = new Session(
    ++numbers,
    '192.0.2.1',
    new TokenBucket(0, 0),
    new SessionMeter(new AcceptorMetrics(undefined)),
  );
  session.open(socket as unknown as WebSocket<SocketData>, { kind: 'draining' });
  return { session, topics: () => [...socket.topics].sort() };
}
