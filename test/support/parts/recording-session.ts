/** Sessions without a connection, for the parts of the acceptor that keep the books about them. */
import type { RecognizedString, WebSocket } from 'uWebSockets.js';
import { SessionMeter } from '../../../src/acceptor/session/limits/session-meter.js';
import { AcceptorMetrics } from '../../../src/metrics/acceptor-metrics.js';
import { Session, type SocketData } from '../../../src/acceptor/session/session.js';
import { budgets } from './budgets.js';
import { decodeFrame } from '../clients/client.js';
import { brief } from './shard-driver.js';

type RecordedCalls = 'subscribe' | 'unsubscribe' | 'send' | 'publish' | 'cork' | 'getBufferedAmount';

/** Keeps its topics as uWS does, and what it is given to send. */
export class RecordingSocket implements Pick<WebSocket<SocketData>, RecordedCalls> {
  readonly topics = new Set<string>();
  /** Every call in order: `publish <topic> <frame>`, `send <frame>`, and `cork` before what is sent together. */
  readonly calls: string[] = [];
  /** Bytes that the socket has not sent yet. */
  buffered = 0;

  subscribe(topic: string): boolean {
    this.topics.add(topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    return this.topics.delete(topic);
  }

  send(frame: RecognizedString, isBinary: boolean): number {
    this.calls.push(`send ${textOf(frame, isBinary)}`);
    return 1;
  }

  publish(topic: string, frame: RecognizedString, isBinary: boolean): boolean {
    this.calls.push(`publish ${topic} ${textOf(frame, isBinary)}`);
    return true;
  }

  cork(send: () => void): WebSocket<SocketData> {
    this.calls.push('cork');
    send();
    return this as unknown as WebSocket<SocketData>;
  }

  getBufferedAmount(): number {
    return this.buffered;
  }
}

export interface RecordingSession {
  readonly session: Session;
  /** The native topics that its socket is subscribed to, in the order of their names. */
  readonly topics: () => string[];
  readonly socket: RecordingSocket;
}

/** Messages in short, as `brief` of the shard driver has them. */
export function textOf(frame: RecognizedString, isBinary: boolean): string {
  return brief({ message: decodeFrame(Buffer.from(frame as Uint8Array), isBinary) });
}

let numbers = 0;

/** @param perMinute Messages that it may send; 0 for any number. */
export function recordingSession(perMinute = 0): RecordingSession {
  const socket = new RecordingSocket();
  const session = new Session(++numbers, '192.0.2.1', {
    budgets: budgets({ maxMessagesPerMinute: perMinute }),
    meter: new SessionMeter(new AcceptorMetrics(undefined)),
  });
  session.open(socket as unknown as WebSocket<SocketData>, { kind: 'draining' });
  return { session, socket, topics: () => [...socket.topics].sort() };
}
